import type { Costs } from "./costs.ts";
import { normalQuantile } from "./random.ts";
import { simulate, type SimulatedRun, type Setup } from "./simulate.ts";

/** What several runs say: the middle one, and what eight of ten lie between. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** What will probably happen. */
export interface Forecast {
  readonly runs: number;
  readonly seconds: Interval;
  readonly loadSeconds: Interval;
  readonly eventsPerSecond: Interval;
  readonly nodeHours: Interval;
  /** The run of the median duration. */
  readonly typical: SimulatedRun;
  readonly limit: Limit;
}

/** What a load waits for. */
export interface Limit {
  /** `losses`: it has no end. */
  readonly stage: keyof SimulatedRun["utilisation"] | "latency" | "losses";
  /** Of the stage, 0 to 1 and above. */
  readonly utilisation: number;
}

/** Seeds of a forecast of which nobody says how many. */
export const USUAL_RUNS = 9;
/** Below this share nothing is used up: the load waits for answers, or for its last chunks. */
const USED_UP = 0.7;

/** The value below which so many of the sorted ones are. */
function quantile(sorted: readonly number[], share: number): number {
  // Each stands for the middle of its part.
  const at = Math.min(sorted.length - 1, Math.max(0, share * sorted.length - 0.5));
  const low = sorted[Math.floor(at)]!;
  const high = sorted[Math.ceil(at)]!;
  // Between two that are without end nothing can be told.
  return low === high ? low : low + (high - low) * (at - Math.floor(at));
}

function interval(values: readonly number[]): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.1), high: quantile(sorted, 0.9) };
}

/** The stage that is used most. */
export function limitOf(run: SimulatedRun): Limit {
  let stage: Limit["stage"] = run.seconds === Infinity ? "losses" : "latency";
  let utilisation = 0;
  for (const name of Object.keys(run.utilisation) as (keyof SimulatedRun["utilisation"])[]) {
    const share = run.utilisation[name] ?? 0;
    if (share <= utilisation) continue;
    utilisation = share;
    if (share >= USED_UP && stage !== "losses") stage = name;
  }
  return { stage, utilisation };
}

/**
 * Plays a campaign several times, once where it has no end. How slow the runs are is not drawn but spread evenly over what is
 * likely, since the middle of a few draws is off by itself. Pure; the same seed gives the same forecast.
 */
export function forecast(
  setup: Setup,
  costs: Costs,
  options: { readonly seed?: number; readonly runs?: number } = {},
): Forecast {
  const { seed = 1, runs = USUAL_RUNS } = options;
  const play = (run: number): SimulatedRun => simulate(setup, costs, seed + run, normalQuantile((run + 0.5) / runs));
  const middle = Math.floor(runs / 2);
  const all = [play(middle)];
  // One without end tells that there is none, and takes longer to play than any other.
  if (all[0]!.seconds < Infinity) {
    for (let run = 0; run < runs; run++) if (run !== middle) all.push(play(run));
  }
  const of = (figure: (run: SimulatedRun) => number): Interval => interval(all.map(figure));
  const typical = all.toSorted((a, b) => a.seconds - b.seconds)[Math.floor((all.length - 1) / 2)]!;
  return {
    runs: all.length,
    seconds: of((run) => run.seconds),
    loadSeconds: of((run) => run.loadSeconds),
    eventsPerSecond: of((run) => run.eventsPerSecond),
    nodeHours: of((run) => run.nodeHours.total),
    typical,
    limit: limitOf(typical),
  };
}
