import type { Row } from "../benchmark.ts";
import { USUAL_STORE, type StoreModel } from "../../support/simulated-store.ts";
import {
  CHANGES,
  foundAt,
  ownMachine,
  run,
  SEEDS,
  sharedMachine,
  STORES,
  type Noise,
} from "../../support/simulated-tuning.ts";
import { median } from "../../../orchestrator/median.ts";

/** How the tuner does on a simulated store, where what a setting is worth is known exactly. Shares are of the best fixed setting. */
export interface SimulatedRow extends Row {
  readonly noise: string;
  readonly runs: number;
  /** A minute after the bad start, or after the change: in the middle run, and in the worst. */
  readonly found: number;
  readonly worst: number;
  /** From then on: how far the settings that were in force were from the usual one, in all but the hundredth part of the seconds. Trials are part of it. */
  readonly swing: number | null;
}

const MINUTE = 60;
const AFTERWARDS = 600;
/** Until a change comes. */
const BEFORE = 150;
const NOISES: Readonly<Record<string, (seed: number) => Noise>> = {
  "a machine of its own": ownMachine,
  "recorded, others on it": sharedMachine,
};

/** Pure, and the same every time. */
export function simulatedRows(): readonly SimulatedRow[] {
  const rows: SimulatedRow[] = [];
  for (const [noise, noiseOf] of Object.entries(NOISES)) {
    for (const [name, model] of Object.entries(STORES)) rows.push(steady(name, noise, model, noiseOf));
    for (const [name, later] of Object.entries(CHANGES)) rows.push(changing(name, noise, later, noiseOf));
  }
  return rows;
}

function steady(name: string, noise: string, model: StoreModel, noiseOf: (seed: number) => Noise): SimulatedRow {
  const runs = SEEDS.map((seed) => run(() => model, noiseOf(seed), AFTERWARDS));
  const found = runs.map((one) => foundAt(one, MINUTE - 1, model));
  const swings = runs.flatMap(({ shares }) => {
    const after = shares.slice(MINUTE);
    const usual = median(after);
    return after.map((share) => Math.abs(share / usual - 1));
  });
  return { ...base(name, noise, found), swing: hundredth(swings) };
}

function changing(name: string, noise: string, later: StoreModel, noiseOf: (seed: number) => Noise): SimulatedRow {
  const seconds = BEFORE + MINUTE;
  const found = SEEDS.map((seed) => {
    const one = run((second) => (second < BEFORE ? USUAL_STORE : later), noiseOf(seed), seconds);
    return foundAt(one, seconds - 1, later);
  });
  return { ...base(name, noise, found), swing: null };
}

function base(name: string, noise: string, found: readonly number[]) {
  return { name, noise, runs: found.length, found: median(found), worst: Math.min(...found) };
}

/** Above it is the hundredth part of the values. */
function hundredth(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? 0;
}
