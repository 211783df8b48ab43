import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { BUNDLE_ENTRIES, bundleInto } from "../../../orchestrator/bundle.ts";
import { loadConfig } from "../../../orchestrator/config.ts";
import { packageRoot } from "../../../orchestrator/runtimes/package-root.ts";
import { PARSER_ENVIRONMENT, PARSER_FLAGS } from "../../../worker/parser-flags.ts";
import type { BenchContext } from "../benchmark.ts";
import type { Corpus } from "./corpora.ts";
import { startServer, type Measure, type Running } from "./measure.ts";
import type { ParseBenchOptions } from "./options.ts";
import { median } from "../../../orchestrator/median.ts";

/** What a parser's process does with a whole file. */
export interface WholeParser {
  readonly threads: number;
  readonly bytes: number;
  readonly runs: readonly Measure[];
  readonly peakBytes: number;
}

/** As nodes have them: bundled. Sources take a hundred megabytes only to be read. */
const PROGRAMS = [
  { name: "chunks-process", entry: "test/perf/parse/chunks-process.ts" },
  { name: "pipeline-thread", entry: BUNDLE_ENTRIES.pipelineThread },
];
/** Enough chunks for two threads to share them evenly. */
const CORES_BYTES = 200_000_000;

/** One thread over the large file, for the memory; then one and two threads in turn over a smaller one, for the cores. Not bound to a core. */
export async function measureParser(
  dir: string,
  corpus: Corpus,
  options: ParseBenchOptions,
  { signal, say }: BenchContext,
): Promise<{ readonly memory: WholeParser; readonly cores: readonly WholeParser[] }> {
  const { config } = await loadConfig({ env: process.env });
  const { bulkBytes, requestsInFlight } = config.parsers;
  const figures = [config.plan.chunkBytes, bulkBytes, requestsInFlight].map(String);
  await bundleInto(dir, packageRoot(), PROGRAMS);
  const [program, thread] = PROGRAMS.map(({ name }) => join(dir, `${name}.mjs`)) as [string, string];
  const start = (threads: number) =>
    startServer({
      argv: [process.execPath, ...PARSER_FLAGS, program, String(threads), ...figures, join(dir, "rejects"), thread],
      pin: undefined,
      signal,
      env: { ...process.env, ...PARSER_ENVIRONMENT },
    });
  const large = await repeated(join(dir, "large.log"), corpus, options.memoryBytes, signal);
  say(`a parser's memory on ${(large.bytes / 1e9).toFixed(2)} GB`);
  const memory = await using(start(1), 1, large.bytes, async (parser) => [await runWhole(parser, large, corpus.month)]);
  await rm(large.file);

  const small = await repeated(join(dir, "cores.log"), corpus, Math.min(CORES_BYTES, options.memoryBytes), signal);
  const counts = [1, 2] as const;
  const parsers = counts.map(start);
  const runs: Measure[][] = counts.map(() => []);
  for (let round = -1; round < options.rounds; round++) {
    say(`one thread and two, ${roundName(round, options.rounds)}`);
    for (const [i, parser] of parsers.entries()) {
      const run = await runWhole(parser, small, corpus.month);
      if (round >= 0) runs[i]!.push(run);
    }
  }
  const cores = [];
  for (const [i, threads] of counts.entries()) {
    cores.push(await using(parsers[i]!, threads, small.bytes, () => Promise.resolve(runs[i]!)));
  }
  return { memory, cores };
}

/** What a round is called while it runs. */
export function roundName(round: number, rounds: number): string {
  return round < 0 ? "to warm up" : `round ${round + 1} of ${rounds}`;
}

/** How many times faster two threads are. */
export function speedUp(cores: readonly WholeParser[]): number | undefined {
  const [one, two] = cores.map(({ runs }) => median(runs.map(({ wallMicros }) => wallMicros)));
  return one !== undefined && two !== undefined ? one / two : undefined;
}

async function using(
  parser: Running,
  threads: number,
  bytes: number,
  run: (parser: Running) => Promise<readonly Measure[]>,
): Promise<WholeParser> {
  const runs = await run(parser);
  const peakBytes = parser.peakBytes() ?? 0;
  await parser.end();
  return { threads, bytes, runs, peakBytes };
}

async function runWhole(parser: Running, content: Content, month: string): Promise<Measure> {
  const run = await parser.run(content.file, "/dev/null", month);
  if (run.lines === content.lines) return run;
  throw new Error(`the parser's process read ${run.lines} lines of ${content.lines} in ${content.file}`);
}

interface Content {
  readonly file: string;
  readonly bytes: number;
  readonly lines: number;
}

/** The corpus as often as it takes to fill so many bytes. */
async function repeated(file: string, corpus: Corpus, atLeastBytes: number, signal: AbortSignal): Promise<Content> {
  const content = await readFile(corpus.file);
  const times = Math.max(1, Math.ceil(atLeastBytes / content.length));
  const out = createWriteStream(file, { signal });
  for (let i = 0; i < times && !signal.aborted; i++) {
    if (!out.write(content)) await once(out, "drain", { signal });
  }
  out.end();
  await finished(out);
  return { file, bytes: content.length * times, lines: corpus.lines * times };
}
