import { readFileSync } from "node:fs";
import { DEFAULT_POLICY } from "../../orchestrator/tuning/policy.ts";
import { startTuning, tune, type TuningState } from "../../orchestrator/tuning/tune.ts";
import type { Budgets } from "../../worker/contract/tuning.ts";
import { bestFixed, observe, steadyState, USUAL_STORE, type StoreModel } from "./simulated-store.ts";

/** One request in flight, small: far less than any store takes. */
export const BAD_START: Budgets = { bulkBytes: 100_000, requestsInFlight: 1 };
export const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);

export const STORES: Readonly<Record<string, StoreModel>> = {
  "two data nodes": USUAL_STORE,
  "a long way": { ...USUAL_STORE, thinkMicros: 40_000 },
  "one small node": { ...USUAL_STORE, dataNodes: 1, cpus: 1, parsers: 1 },
  "large documents": { ...USUAL_STORE, documentBytes: 3000, documentMicros: 60 },
  "little heap": { ...USUAL_STORE, heapBytes: 2 ** 28 },
};

/** What the usual store may become in mid-load. */
export const CHANGES: Readonly<Record<string, StoreModel>> = {
  "a lost node": { ...USUAL_STORE, dataNodes: 1 },
  "a further node": { ...USUAL_STORE, dataNodes: 4 },
  "documents of another size": { ...USUAL_STORE, documentBytes: 3000, documentMicros: 60 },
  "a store that takes four times as long": { ...USUAL_STORE, documentMicros: 64, requestMicros: 10_000 },
};

/** What a second's rate is of what it should be, 1 being just that. */
export type Noise = (second: number) => number;

/** Half as fast at first, as a cold JVM is. */
function warmth(second: number): number {
  return 1 - 0.5 * Math.exp(-second / 12);
}

/** Five per cent from second to second, each like the one before, and pauses now and then. */
export function ownMachine(seed: number): Noise {
  let bits = seed * 7919;
  const random = (): number => (bits = (bits * 1_664_525 + 1_013_904_223) >>> 0) / 2 ** 32;
  for (let i = 0; i < 10; i++) random();
  let level = 0;
  return (second) => {
    const normal = Math.sqrt(-2 * Math.log(random() + 1e-9)) * Math.cos(2 * Math.PI * random());
    level = 0.5 * level + 0.05 * normal;
    const pause = random() < 0.02 ? 0.6 : 1;
    return Math.exp(level) * pause * warmth(second);
  };
}

const { factors } = JSON.parse(
  readFileSync(new URL("../fixtures/tuning/rate-noise.json", import.meta.url), "utf8"),
) as { readonly factors: readonly number[] };

/** As it was recorded on a machine that others used too, from another second on for each seed. */
export function sharedMachine(seed: number): Noise {
  return (second) => (factors[(seed * 31 + second) % factors.length] ?? 1) * warmth(second);
}

/** A load on a simulated store. */
export interface SimulatedRun {
  readonly states: readonly TuningState[];
  /** What each second's setting is worth without noise, as a share of what the best fixed one is. */
  readonly shares: readonly number[];
}

/** Tunes from a bad start. @param modelAt the store in a second: it may change */
export function run(
  modelAt: (second: number) => StoreModel,
  noise: Noise,
  seconds: number,
  policy = DEFAULT_POLICY,
): SimulatedRun {
  let state = startTuning(BAD_START);
  const best = new Map<StoreModel, number>();
  const states: TuningState[] = [];
  const shares: number[] = [];
  for (let second = 0; second < seconds; second++) {
    const model = modelAt(second);
    if (!best.has(model)) best.set(model, bestFixed(model, policy));
    ({ state } = tune(state, observe(model, state.budgets, noise(second)), policy));
    states.push(state);
    shares.push(steadyState(model, state.budgets).rate / (best.get(model) ?? 0));
  }
  return { states, shares };
}

/** What the best setting that is known in a second is worth, as a share of what the best fixed one is. */
export function foundAt({ states }: SimulatedRun, second: number, model: StoreModel): number {
  return steadyState(model, states[second]!.best.budgets).rate / bestFixed(model, DEFAULT_POLICY);
}
