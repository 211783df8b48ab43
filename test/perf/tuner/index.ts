import { cpus, loadavg } from "node:os";
import { inBenchPlace } from "../bench-place.ts";
import { atLeast, atMost, type Benchmark, type Goal } from "../benchmark.ts";
import { goalTable } from "../goal-table.ts";
import { withServices } from "../store/services.ts";
import { textTable } from "../table.ts";
import { readOptions, type TunerOptions } from "./options.ts";
import { tuneReally, type RealTuning, type SettingRow } from "./real.ts";
import { simulatedRows, type SimulatedRow } from "./simulated.ts";

/** From a bad start to the best that there is: on a real node, and on simulated stores, where it is known what that is. */
export const tunerBenchmark: Benchmark = {
  name: "tuner",
  about: "the tuner from 1 request of 100 KB: against a grid of fixed settings on a real node, and on simulated stores",
  async run(args, context) {
    const options = readOptions(args);
    const simulated = simulatedRows();
    const real = options.simulateOnly
      ? undefined
      : await inBenchPlace((place) =>
          withServices(place, ["bench-*"], (services) => tuneReally(place, services, options, context)),
        );
    const goals = tunerGoals(simulated, real);
    const rows = [...(real?.settings ?? []), ...simulated];
    return { result: { bench: "tuner", rows, goals }, text: report(simulated, real, goals, options) };
  },
};

/** What this project set out to reach. On simulated stores the worst of them counts. */
export function tunerGoals(
  simulated: readonly SimulatedRow[],
  real: Pick<RealTuning, "share" | "swing"> | undefined,
): Goal[] {
  const least = Math.min(...simulated.map(({ found }) => found));
  const most = Math.max(...simulated.map(({ swing }) => swing ?? 0));
  return [
    atLeast("of the best fixed setting after a minute, real node", 0.95, real?.share),
    atMost("swing in the minute after that, real node", 0.05, real?.swing),
    atLeast("of the best fixed setting after a minute, each simulated store", 0.95, least),
    atMost("swing afterwards, each simulated store", 0.05, most),
  ];
}

function report(
  simulated: readonly SimulatedRow[],
  real: RealTuning | undefined,
  goals: readonly Goal[],
  options: TunerOptions,
): string {
  const [load = 0] = loadavg();
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, load ${load.toFixed(1)} at the end`;
  return [
    ...(real
      ? [
          settingsText(real.settings),
          `${real.decisions} decisions in two minutes; rates of 5 s were half of the time further than ${percent(real.swing)} from the usual one in the second minute, ` +
            `and ${percent(real.noise)} with the same setting fixed; medians of ${options.rounds} rounds by turns, one parser and one warm node; ${machine}`,
        ]
      : []),
    simulatedText(simulated),
    goalTable(goals),
  ].join("\n\n");
}

function settingsText(settings: readonly SettingRow[]): string {
  return textTable<SettingRow>(
    [
      { title: "setting", text: ({ name }) => name },
      { title: "in flight", right: true, text: ({ requestsInFlight }) => String(requestsInFlight) },
      { title: "body MiB", right: true, text: ({ bulkBytes }) => (bulkBytes / 2 ** 20).toFixed(2) },
      { title: "documents/s", right: true, text: (row) => Math.round(row.documentsPerSecond).toLocaleString("en") },
      { title: "store µs", right: true, text: ({ store }) => store.toFixed(1) },
      { title: "sender µs", right: true, text: ({ sender }) => sender.toFixed(1) },
      { title: "of the best", right: true, text: ({ ofBest }) => ofBest.toFixed(2) },
    ],
    settings.toSorted((a, b) => b.ofBest - a.ofBest),
  );
}

function simulatedText(rows: readonly SimulatedRow[]): string {
  return textTable<SimulatedRow>(
    [
      { title: "simulated store", text: ({ name }) => name },
      { title: "noise", text: ({ noise }) => noise },
      { title: "after a minute", right: true, text: ({ found }) => percent(found) },
      { title: "worst run", right: true, text: ({ worst }) => percent(worst) },
      { title: "swing", right: true, text: ({ swing }) => (swing === null ? "" : percent(swing)) },
    ],
    rows,
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
