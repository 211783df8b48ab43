import type { Benchmark } from "./benchmark.ts";
import { describeError } from "../../worker/contract/errors.ts";
import { idsBenchmark } from "./ids/index.ts";
import { ingestBenchmark } from "./ingest/index.ts";
import { parseBenchmark } from "./parse/index.ts";
import { planBenchmark } from "./plan/index.ts";
import { scaleBenchmark } from "./scale/index.ts";
import { searchBenchmark } from "./search/index.ts";
import { tunerBenchmark } from "./tuner/index.ts";

/**
 * `npm run bench -- NAME [options] [--json]`: runs one benchmark. Its figures are printed as a table; with `--json` the last line on stdout is
 * one object (`BenchResult`). What is going on is told on stderr. A goal that is not met does not fail the command.
 */
const BENCHMARKS: readonly Benchmark[] = [
  idsBenchmark,
  ingestBenchmark,
  parseBenchmark,
  planBenchmark,
  scaleBenchmark,
  searchBenchmark,
  tunerBenchmark,
];

const [name, ...args] = process.argv.slice(2);
const benchmark = BENCHMARKS.find((candidate) => candidate.name === name);
if (benchmark === undefined) {
  const list = BENCHMARKS.map((candidate) => `  ${candidate.name.padEnd(10)} ${candidate.about}`).join("\n");
  process.stderr.write(
    `${name === undefined ? "" : `there is no benchmark ${name}\n`}npm run bench -- NAME [options] [--json]\n${list}\n`,
  );
  process.exitCode = 2;
} else {
  process.exitCode = await run(benchmark);
}

async function run(chosen: Benchmark): Promise<number> {
  const aborted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => aborted.abort());
  try {
    const rest = args.filter((arg) => arg !== "--json");
    const { result, text } = await chosen.run(rest, {
      signal: aborted.signal,
      say: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`${text}\n`);
    if (args.includes("--json")) process.stdout.write(`${JSON.stringify(result)}\n`);
    return 0;
  } catch (error) {
    if (aborted.signal.aborted) return 130;
    process.stderr.write(`${describeError(error)}\n`);
    return error instanceof Error && "code" in error && error.code === "USAGE" ? 2 : 1;
  }
}
