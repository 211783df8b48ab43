import { readFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { startElasticsearch } from "../../support/elasticsearch-node.ts";
import type { Benchmark, BenchContext, Goal } from "../benchmark.ts";
import { inBenchPlace } from "../bench-place.ts";
import { goalTable } from "../goal-table.ts";
import { ofOneDay, sampleCorpus } from "../parse/corpora.ts";
import { rowOf, type Load, type LoadRow } from "../store/load-row.ts";
import { textTable } from "../table.ts";
import { idsGoals } from "./figures.ts";
import { Loader } from "./load.ts";
import { readOptions, type IdsBenchOptions } from "./options.ts";
import { WAYS } from "./ways.ts";

/** What an identity costs store and sender: ids that the parser derives beside ids that the store makes, by turns in one store. */
export const idsBenchmark: Benchmark = {
  name: "ids",
  about: "what a document's id costs: derived by the parser, or made by the store with the attempt's tag beside it",
  async run(args, context) {
    const options = readOptions(args);
    return inBenchPlace(async ({ dir, elasticsearch: { home, javaHome } }) => {
      process.env["ES_HOME"] = home;
      process.env["ES_JAVA_HOME"] = javaHome;
      return await measureAll(dir, options, context);
    });
  },
};

async function measureAll(dir: string, options: IdsBenchOptions, { signal, say }: BenchContext) {
  say(`making ${options.lines} distinct lines`);
  const { file, month, lines } = await sampleCorpus(dir, options.lines, 1, signal);
  const ways = WAYS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const loads = new Map<string, Load[]>(ways.map(({ name }) => [name, []]));
  // A campaign's store earns its second compiler.
  const store = await startElasticsearch(dir, {}, { heap: "2g", javaOptions: [] });
  const loader = new Loader(store, ofOneDay(await readFile(file)), month, options);
  try {
    for (let round = -options.warmUps; round < options.rounds; round++) {
      say(round < 0 ? `warming up, ${-round} to go` : `round ${round + 1} of ${options.rounds}`);
      // A busy machine is busy for all; the order turns round each time.
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
        const load = await loader.load(way, signal);
        if (round >= 0) loads.get(way.name)?.push(load);
      }
    }
  } finally {
    await loader.close();
    await store.stop();
  }
  const rows = ways.map((way) => rowOf(way, loads.get(way.name) ?? []));
  const goals = idsGoals(loads);
  return { result: { bench: "ids", rows, goals }, text: report(rows, goals, lines, options) };
}

function report(rows: readonly LoadRow[], goals: readonly Goal[], lines: number, options: IdsBenchOptions): string {
  const fixed = (value: number) => value.toFixed(2);
  const whole = (value: number) => Math.round(value).toLocaleString("en");
  const table = textTable<LoadRow>(
    [
      { title: "ids", text: ({ name }) => name },
      { title: "store µs", right: true, text: ({ store }) => fixed(store) },
      { title: "sender µs", right: true, text: ({ sender }) => fixed(sender) },
      { title: "documents/s", right: true, text: (row) => whole(row.documentsPerSecond) },
      { title: "bytes", right: true, text: (row) => whole(row.bytesPerDocument) },
      { title: "note", text: ({ note }) => note },
    ],
    rows,
  );
  return [
    table,
    goalTable(goals),
    `${whole(lines)} lines, medians of ${options.rounds} rounds, all by turns into an index of one warm node; CPU of all threads and bytes on disk, a document; load ${(loadavg()[0] ?? 0).toFixed(1)} at the end`,
  ].join("\n\n");
}
