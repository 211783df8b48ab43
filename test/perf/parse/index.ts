import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../../../orchestrator/config.ts";
import type { Benchmark, BenchContext } from "../benchmark.ts";
import { findProgram } from "../peers/find-program.ts";
import { CONTENDERS, type Contender, type Missing } from "./contenders.ts";
import { linuxCorpus, sampleCorpus, type Corpus } from "./corpora.ts";
import { measuredRow, missingRow, parseGoals, withRatios, type ParseRow } from "./figures.ts";
import type { Measure, Running } from "./measure.ts";
import { readOptions, type ParseBenchOptions } from "./options.ts";
import { parseReport } from "./report.ts";
import { measureParser, roundName, speedUp } from "./whole-parser.ts";

/** What a line costs from the bytes of a file to the bytes of documents: the engine, its oracle, a script, and others' parsers, by turns. */
export const parseBenchmark: Benchmark = {
  name: "parse",
  about:
    "lines to documents: the compiled engine beside the interpreter, a script, liblognorm, Elasticsearch's grok and go-grok",
  async run(args, context) {
    const given = readOptions(args);
    const options = given.pin !== undefined && !findProgram("taskset") ? { ...given, pin: undefined } : given;
    if (options.pin !== given.pin) context.say("there is no taskset (Debian: util-linux): nothing is bound to a core");
    const { config } = await loadConfig({ env: process.env });
    const place = join(config.stateDir, "bench");
    await mkdir(place, { recursive: true });
    const dir = await mkdtemp(join(place, "run-"));
    try {
      return await measureAll(dir, config.stateDir, options, context);
    } finally {
      // Killed programs may still be about to close what they write.
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};

interface Entrant {
  readonly contender: Contender;
  readonly running: Running | Missing;
}

async function measureAll(dir: string, stateDir: string, options: ParseBenchOptions, context: BenchContext) {
  const { signal, say } = context;
  say(`making ${options.lines} distinct lines`);
  const sample = await sampleCorpus(dir, options.lines, options.rounds, signal);
  const linux = options.linuxLines > 0 ? await linuxCorpus(dir, options.linuxLines, options.rounds) : undefined;
  if (!linux && options.linuxLines > 0)
    say("the public Linux log (../shared/conformance/linux_2k.log) is not here: left out");
  const chosen = CONTENDERS.filter(
    ({ name }) => options.only.length === 0 || options.only.some((beginning) => name.startsWith(beginning)),
  );
  const entrants: Entrant[] = [];
  for (const contender of chosen) {
    entrants.push({ contender, running: await contender.start({ signal, dir, stateDir, pin: options.pin }) });
    signal.throwIfAborted();
  }
  const measured: ParseRow[] = [];
  for (const corpus of linux ? [sample, linux] : [sample]) {
    measured.push(...(await measureCorpus(corpus, entrants, options.rounds, dir, context)));
  }
  for (const { running } of entrants) if ("end" in running) await running.end();
  const rows = withRatios(measured);
  const parser = options.memoryBytes > 0 ? await measureParser(dir, sample, options, context) : undefined;
  const goals = parseGoals(rows, {
    peakBytes: parser?.memory.peakBytes,
    speedUp: parser && speedUp(parser.cores),
  });
  return {
    result: { bench: "parse", rows, goals },
    text: parseReport(rows, goals, [sample, ...(linux ? [linux] : [])], options, parser),
  };
}

/** Everybody in turn, then everybody again: a busy machine is busy for all. The order turns round each time. */
async function measureCorpus(
  corpus: Corpus,
  entrants: readonly Entrant[],
  rounds: number,
  dir: string,
  { signal, say }: BenchContext,
): Promise<ParseRow[]> {
  const runs = new Map<Entrant, Measure[]>(entrants.map((entrant) => [entrant, []]));
  const outputs = new Map<Entrant, Output>();
  say(`${corpus.name}: outputs to compare`);
  for (const entrant of entrants) {
    if ("run" in entrant.running) outputs.set(entrant, await outputOf(entrant.running, corpus, join(dir, "output")));
  }
  for (let round = -1; round < rounds; round++) {
    say(`${corpus.name}: ${roundName(round, rounds)}`);
    for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed()) {
      const { contender, running } = entrant;
      signal.throwIfAborted();
      if (!("run" in running) || (contender.takes && round < 0)) continue;
      const { file, lines } = contender.takes ? corpus[contender.takes][round]! : corpus;
      const run = await running.run(file, "/dev/null", corpus.month);
      if (run.lines !== lines) throw new Error(`${contender.name} saw ${run.lines} lines of ${lines} in ${file}`);
      if (round >= 0) runs.get(entrant)!.push(run);
    }
  }
  return entrants.map((entrant) => {
    const { contender, running } = entrant;
    const base = { name: contender.name, work: contender.work, note: contender.note, corpus: corpus.name };
    return "missing" in running
      ? missingRow(base, running.missing)
      : measuredRow({ ...base, ...outputs.get(entrant)! }, runs.get(entrant)!, running.peakBytes());
  });
}

interface Output {
  readonly digest: string;
  readonly sshEvents: number;
}

/** The seven events of which every contender that looks at sshd knows. */
const SSH_EVENT = /"event": ?"(?:AUTHN|AUTHZ|SCAN|INVALID|DISCONNECT|WRONGKEY|REFUSED)"/g;

/** What a contender makes of the lines that all are compared on; also its first warming up. */
async function outputOf(running: Running, corpus: Corpus, file: string): Promise<Output> {
  await running.run(corpus.check.file, file, corpus.month);
  const bytes = await readFile(file);
  const sshEvents = bytes.toString("latin1").match(SSH_EVENT)?.length ?? 0;
  return { digest: createHash("sha256").update(bytes).digest("hex"), sshEvents };
}
