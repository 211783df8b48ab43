import type { Budgets } from "../../worker/contract/tuning.ts";
import type { TuningPolicy } from "./policy.ts";
import type { TuningRecord } from "./record.ts";
import { startTuning, tune, type Observation } from "./tune.ts";

/**
 * The decisions of a campaign once more, offline, under another policy. Pure.
 *
 * Where the policy has the setting that was recorded, it sees what was recorded. Where it has another, nobody knows what would have been seen:
 * then the second's rate is scaled by what that setting, or the nearest one that was tried, was worth beside the recorded one. So what the store itself did
 * in that second (it was cold, it merged, others used its processors) stays in the picture, and a setting far from all that were tried is
 * judged too kindly or too harshly.
 */
export interface Course {
  /** Where each setting begins. */
  readonly steps: readonly CourseStep[];
  readonly documentsPerSecond: number;
}

export interface CourseStep {
  /** Seconds since the load began. */
  readonly second: number;
  readonly budgets: Budgets;
  /** Mean rate from here to the next step. */
  readonly documentsPerSecond: number;
  /** Absent at the beginning. */
  readonly reason?: string;
}

/** @param reasons why the recorded budgets were changed, by when, in the order of time */
export function recordedCourse(
  records: readonly TuningRecord[],
  reasons: readonly { readonly at: number; readonly reason: string }[],
): Course {
  const course = new CourseWriter();
  let told = 0;
  let reason: string | undefined;
  for (const { at, budgets, seen } of records) {
    for (let next = reasons[told]; next !== undefined && next.at <= at; next = reasons[++told]) reason = next.reason;
    // What was decided in a second holds in the next.
    if (course.add(budgets, seen, reason)) reason = undefined;
  }
  return course.course();
}

/** See the head of this file. */
export function replay(records: readonly TuningRecord[], policy: TuningPolicy): Course {
  const worth = worths(records, policy.settleSeconds);
  const course = new CourseWriter();
  const [first] = records;
  if (!first) return course.course();
  let state = startTuning(first.budgets);
  let reason: string | undefined;
  for (const { budgets, seen } of records) {
    const felt = same(state.budgets, budgets) ? seen : imagined(seen, budgets, state.budgets, worth);
    course.add(state.budgets, felt, reason);
    ({ state, reason } = tune(state, felt, policy));
  }
  return course.course();
}

/** What a setting is worth: the medians of what was seen with it. */
type Worth = Pick<Observation, "latencyMillis" | "full" | "network" | "heap" | "collecting" | "merging"> & {
  readonly budgets: Budgets;
  readonly rate: number;
  readonly throttled: number;
};

function worths(records: readonly TuningRecord[], settleSeconds: number): readonly Worth[] {
  const bySetting = new Map<string, TuningRecord[]>();
  let since = 0;
  let before: Budgets | undefined;
  for (const record of records) {
    since = before && same(before, record.budgets) ? since + record.seen.seconds : 0;
    before = record.budgets;
    if (since < settleSeconds || record.seen.documents === 0) continue;
    const key = keyOf(record.budgets);
    bySetting.set(key, [...(bySetting.get(key) ?? []), record]);
  }
  return [...bySetting.values()].map((all) => {
    const middle = (of: (seen: Observation) => number): number => {
      const sorted = all.map(({ seen }) => of(seen)).sort((a, b) => a - b);
      return sorted[sorted.length >> 1] ?? 0;
    };
    return {
      budgets: all[0]!.budgets,
      rate: middle((seen) => seen.documents / seen.seconds),
      throttled: all.reduce((sum, { seen }) => sum + seen.throttled / seen.seconds, 0) / all.length,
      latencyMillis: middle((seen) => seen.latencyMillis),
      full: middle((seen) => seen.full),
      network: middle((seen) => seen.network),
      heap: middle((seen) => seen.heap),
      collecting: middle((seen) => seen.collecting),
      merging: middle((seen) => seen.merging),
    };
  });
}

/** What would have been seen of a setting in a second in which another one held. */
function imagined(seen: Observation, held: Budgets, wanted: Budgets, worth: readonly Worth[]): Observation {
  const to = nearest(worth, wanted);
  const from = nearest(worth, held);
  if (!to || !from || from.rate === 0) return seen;
  const factor = to.rate / from.rate;
  const { latencyMillis, full, network, heap, collecting, merging } = to;
  return {
    ...seen,
    documents: seen.documents * factor,
    requests: seen.requests * factor,
    throttled: Math.round(to.throttled * seen.seconds),
    latencyMillis,
    full,
    network,
    heap,
    collecting,
    merging,
  };
}

/** Bodies that go compressed have little in common with those that do not. */
const OTHER_BODIES = 4;

/** The setting that was tried and is nearest, by how often its numbers must be doubled. */
function nearest(worth: readonly Worth[], { bulkBytes, requestsInFlight, compressed }: Budgets): Worth | undefined {
  const distance = ({ budgets }: Worth): number =>
    (budgets.compressed === compressed ? 0 : OTHER_BODIES) +
    Math.abs(Math.log2(budgets.bulkBytes / bulkBytes)) +
    Math.abs(Math.log2(budgets.requestsInFlight / requestsInFlight));
  return worth.reduce<Worth | undefined>(
    (best, next) => (best === undefined || distance(next) < distance(best) ? next : best),
    undefined,
  );
}

/** Adds up a course second by second. */
class CourseWriter {
  readonly #steps: { second: number; budgets: Budgets; reason?: string; seconds: number; documents: number }[] = [];
  #second = 0;

  /** @returns whether a step begins */
  add(budgets: Budgets, seen: Observation, reason: string | undefined): boolean {
    let last = this.#steps.at(-1);
    const begins = !last || !same(last.budgets, budgets);
    if (!last || begins) {
      const second = Math.round(this.#second);
      last = { second, budgets, seconds: 0, documents: 0, ...(reason === undefined ? {} : { reason }) };
      this.#steps.push(last);
    }
    last.seconds += seen.seconds;
    last.documents += seen.documents;
    this.#second += seen.seconds;
    return begins;
  }

  course(): Course {
    const total = this.#steps.reduce((sum, { documents }) => sum + documents, 0);
    return {
      steps: this.#steps.map(({ seconds, documents, ...step }) => ({
        ...step,
        documentsPerSecond: perSecond(documents, seconds),
      })),
      documentsPerSecond: perSecond(total, this.#second),
    };
  }
}

function perSecond(documents: number, seconds: number): number {
  return seconds === 0 ? 0 : Math.round(documents / seconds);
}

function keyOf({ bulkBytes, requestsInFlight, compressed }: Budgets): string {
  return `${String(bulkBytes)} ${String(requestsInFlight)} ${String(compressed)}`;
}

function same(a: Budgets, b: Budgets): boolean {
  return keyOf(a) === keyOf(b);
}
