import { createCluster } from "../../../orchestrator/cluster.ts";
import { indexName, indexWildcard } from "../../../worker/contract/index-names.ts";
import type { Ids } from "../../../worker/contract/ids.ts";
import { fieldsOfRules } from "../../../worker/pipeline/fields.ts";
import { inBenchPlace, type BenchPlace } from "../bench-place.ts";
import type { Benchmark, BenchContext } from "../benchmark.ts";
import { roundName } from "../parse/whole-parser.ts";
import { BENCH_RULES } from "../parse/rules.ts";
import type { Load } from "../store/load-row.ts";
import { measureLoad } from "../store/measure-load.ts";
import { withServices } from "../store/services.ts";
import { differenceOf, differenceText, expectedKeys } from "./contents.ts";
import { CONTENDERS } from "./contenders.ts";
import { ingestCorpus } from "./corpus.ts";
import { ingestGoals, ingestRow } from "./figures.ts";
import { killed, type KillRow } from "./kills.ts";
import type { Contender, IngestPlace, Loading } from "./loading.ts";
import { readOptions, type IngestOptions } from "./options.ts";
import { ingestReport } from "./report.ts";
import { NAMING } from "./shape.ts";

/** The whole pipeline against what its store takes of prebuilt bodies, and against what one would pick instead. */
export const ingestBenchmark: Benchmark = {
  name: "ingest",
  about: "a file into Elasticsearch: the parser against prebuilt bodies, rsyslog, helpers.bulk and parallel_bulk",
  run: (args, context) => inBenchPlace((bench) => measureAll(bench, readOptions(args, bench.config), context)),
};

async function measureAll(bench: BenchPlace, options: IngestOptions, context: BenchContext) {
  const { signal, say } = context;
  say(`making ${options.lines} distinct lines`);
  const corpus = await ingestCorpus(bench.dir, options.lines, signal);
  const expected = await expectedKeys(corpus.file, corpus.month);
  const index = indexName(NAMING, corpus.month, corpus.day);
  return await withServices(bench, [indexWildcard(NAMING)], async ({ node, redis }) => {
    const place: IngestPlace = { ...bench, signal, node, redis, corpus, index, options };
    const contenders = CONTENDERS.filter(
      ({ name }) => options.only.length === 0 || options.only.some((one) => name.startsWith(one)),
    );
    const entries = await measureRounds(contenders, place, expected, context);
    const kills = options.kills ? await killAll(contenders, place, expected, context) : [];
    const rows = entries.map((entry) => ingestRow(entry, entries));
    const goals = ingestGoals(entries);
    return {
      result: { bench: "ingest", rows: [...rows, ...kills.map((row) => ({ ...row, kind: "killed" }))], goals },
      text: ingestReport(rows, kills, goals, corpus, options),
    };
  });
}

interface Entrant {
  readonly contender: Contender;
  readonly loading: Loading | undefined;
  readonly missing?: string;
  readonly loads: (Load | undefined)[];
  readonly failures: string[];
}

/** Everybody in turn, then everybody again; the order turns round each time. */
async function measureRounds(
  contenders: readonly Contender[],
  place: IngestPlace,
  expected: ReadonlySet<string>,
  { signal, say }: BenchContext,
): Promise<readonly Entrant[]> {
  const { rounds, warmUps } = place.options;
  const entrants: Entrant[] = [];
  try {
    for (const contender of contenders) {
      const started = await contender.start(place);
      const isMissing = "missing" in started;
      entrants.push({
        contender,
        loading: isMissing ? undefined : started,
        ...(isMissing ? started : {}),
        loads: [],
        failures: [],
      });
    }
    for (let round = -warmUps; round < rounds; round++) {
      for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed()) {
        signal.throwIfAborted();
        const { contender, loading, loads, failures } = entrant;
        if (!loading) continue;
        say(`${roundName(round, rounds)}: ${contender.name}, ${idsText(contender.ids)}`);
        try {
          const load = await loadOnce(contender, loading, place, expected);
          if (round >= 0) loads[round] = load;
        } catch (error) {
          signal.throwIfAborted();
          failures.push(`${roundName(round, rounds)}: ${(error as Error).message}`);
        }
      }
    }
    return entrants;
  } finally {
    for (const { loading } of entrants) await loading?.end();
  }
}

/** @throws Error when counts or contents are not those of the file */
async function loadOnce(
  { ids }: Contender,
  loading: Loading,
  place: IngestPlace,
  expected: ReadonlySet<string>,
): Promise<Load> {
  return await inFreshIndices(ids, place, async (indices) => {
    const load = await measureLoad(place.node.client, indices, () => loading.load());
    const difference = differenceText(await differenceOf(place.node.client, indices, expected));
    if (difference !== undefined) throw new Error(difference);
    return load;
  });
}

async function killAll(
  contenders: readonly Contender[],
  place: IngestPlace,
  expected: ReadonlySet<string>,
  { signal, say }: BenchContext,
): Promise<readonly KillRow[]> {
  const rows: KillRow[] = [];
  for (const contender of contenders) {
    if (contender.kind === "ceiling") continue;
    signal.throwIfAborted();
    say(`killed in mid-load: ${contender.name}, ${idsText(contender.ids)}`);
    const row = await inFreshIndices(contender.ids, place, () => killed(contender, place, expected));
    if (row) rows.push(row);
  }
  return rows;
}

/** The same indices for each, made anew, and deleted afterwards. */
async function inFreshIndices<T>(
  ids: Ids,
  { node, corpus }: IngestPlace,
  work: (indices: readonly string[]) => Promise<T>,
): Promise<T> {
  const fields = fieldsOfRules(BENCH_RULES);
  const cluster = createCluster(node.client);
  const indices = await cluster.prepare(NAMING, [corpus.month], { shards: 1, replicas: 0 }, fields, ids);
  try {
    return await work(indices);
  } finally {
    await node.client.indices.delete({ index: indices.slice() });
  }
}

/** In words. */
export function idsText(ids: Ids): string {
  return ids === "store" ? "ids by the store" : "own ids";
}
