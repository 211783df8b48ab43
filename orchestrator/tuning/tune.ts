import type { Budgets } from "../../worker/contract/tuning.ts";
import { median } from "../median.ts";
import type { TuningPolicy } from "./policy.ts";

/**
 * The tuner's decision, pure: it reads no clock and does no I/O, so that a run can be decided once more from what was observed.
 *
 * Three phases. *climbing*: both budgets are doubled as long as that makes the load faster; two steps in a row that do not end it. *trying*: from the
 * best setting so far one budget is changed at a time, there and back, and what is faster by more than the noise is the best from then on;
 * a change that helped is made once more. Where parsers wait for the network compressed bodies are tried too, and given up as soon as plain ones are as fast. *resting*: nothing is changed until the rate changes by itself, the number of nodes
 * changes, or it is time to try more again. In every phase what is too much for the store (a 429, heap, merges, latency) takes the budgets back at once,
 * and they do not grow for a while.
 */

/** What was seen in some seconds, of all parsers and data nodes together. Shares are 0 to 1. */
export interface Observation {
  readonly seconds: number;
  /** Documents with a final answer. */
  readonly documents: number;
  readonly requests: number;
  /** Mean time of a bulk request; 0 when none was answered. */
  readonly latencyMillis: number;
  readonly throttled: number;
  /** Share of the time in which requests are what is missing: all that there may be are under way, and there is more to send. */
  readonly full: number;
  /** Share of the time in which parsers wait for the network and nobody's processors are what is missing. */
  readonly network: number;
  /** Of the data node that has most of it. */
  readonly heap: number;
  readonly collecting: number;
  readonly merging: number;
  readonly parsers: number;
  readonly dataNodes: number;
  /** Heap of all data nodes. */
  readonly heapBytes: number;
}

/** What there can be more and less of. */
type Amount = "bulkBytes" | "requestsInFlight";

type Move =
  "more-requests" | "fewer-requests" | "larger-bodies" | "smaller-bodies" | "compressed-bodies" | "plain-bodies";

/** Everything that the tuner remembers. Plain data. */
export interface TuningState {
  readonly phase: "climbing" | "trying" | "resting";
  /** What holds now. */
  readonly budgets: Budgets;
  /** The best setting so far and its rate; 0 when it was not measured yet. */
  readonly best: { readonly budgets: Budgets } & Measured;
  /** Steps of the climb that made nothing faster, in a row. */
  readonly idleSteps: number;
  /** What is being tried, and what is still to be. */
  readonly move?: Move;
  readonly moves: readonly Move[];
  /** What was slower than the best by more than the noise: not tried again until something changes. */
  readonly slower: readonly Budgets[];
  readonly window: Window;
  /** Rates of the last windows at rest. */
  readonly rates: readonly number[];
  /** Seconds at rest. */
  readonly rested: number;
  /** Seconds without a document. */
  readonly still: number;
  /** So long nothing may grow, after there was too much. */
  readonly holdSeconds: number;
  readonly parsers: number;
  readonly dataNodes: number;
}

/** A rate and its standard error. */
interface Measured {
  readonly rate: number;
  readonly error: number;
}

const UNKNOWN: Measured = { rate: 0, error: 0 };

interface Window {
  /** Seconds that were left out, and that count. */
  readonly settled: number;
  readonly seconds: number;
  readonly documents: number;
  /** How many observations, and the sum of their rates' squares. */
  readonly observations: number;
  readonly squares: number;
  readonly full: number;
  readonly network: number;
  readonly latency: number;
  readonly heap: number;
  readonly collecting: number;
  readonly merging: number;
}

/** What the tuner makes of an observation. */
export interface TuningStep {
  readonly state: TuningState;
  /** Why the budgets are others now; absent when they are not. */
  readonly reason?: string;
}

const EMPTY: Window = {
  settled: 0,
  seconds: 0,
  documents: 0,
  observations: 0,
  squares: 0,
  full: 0,
  network: 0,
  latency: 0,
  heap: 0,
  collecting: 0,
  merging: 0,
};
const ROUND: readonly Move[] = [
  "compressed-bodies",
  "larger-bodies",
  "more-requests",
  "fewer-requests",
  "smaller-bodies",
  "plain-bodies",
];
const MORE: readonly Move[] = ["more-requests", "larger-bodies"];
/** What may be faster, or may not be needed any more, and costs little to try. */
const NOW_AND_THEN: readonly Move[] = ["compressed-bodies", ...MORE, "plain-bodies"];
const LAST_RATES = 5;

/** @param resumed the tuner goes on with what another one has found: it tries, and does not climb from there */
export function startTuning(budgets: Budgets, resumed = false): TuningState {
  return {
    phase: resumed ? "trying" : "climbing",
    budgets,
    best: { budgets, ...UNKNOWN },
    idleSteps: 0,
    moves: resumed ? ROUND : [],
    slower: [],
    window: EMPTY,
    rates: [],
    rested: 0,
    still: 0,
    holdSeconds: 0,
    parsers: 0,
    dataNodes: 0,
  };
}

/** See the head of this file. */
export function tune(before: TuningState, seen: Observation, policy: TuningPolicy): TuningStep {
  // A few large requests on a slow way are answered every other second; where nothing moves for longer the spool is closed or empty, or nobody answers.
  const isStill = seen.documents === 0 && seen.throttled === 0;
  const still = isStill ? before.still + seen.seconds : 0;
  if (isStill && (before.window.observations === 0 || still > policy.stillSeconds)) {
    return { state: { ...before, still, window: EMPTY } };
  }
  const holdSeconds = Math.max(0, before.holdSeconds - seen.seconds);
  let state: TuningState = { ...before, still, holdSeconds };
  const { parsers, dataNodes } = seen;
  if (parsers !== state.parsers || dataNodes !== state.dataNodes) {
    const known = state.parsers > 0;
    state = { ...state, parsers, dataNodes };
    if (known && state.phase !== "climbing") {
      const why = `${String(dataNodes)} data nodes and ${String(parsers)} parsers work now`;
      return fit(afresh(state), seen, policy, why);
    }
  }
  // A setting that there must be no more is left at once.
  const fitting = fit(
    state,
    seen,
    policy,
    "as much as the bounds, the parsers' memory and the data nodes' heaps let through",
  );
  if (fitting.reason !== undefined) return fitting;

  if (seen.throttled > 0 && holdSeconds <= policy.backOffSeconds - policy.windowSeconds) {
    return backOff(state, policy, `Elasticsearch refused ${String(seen.throttled)} requests (429)`, "requestsInFlight");
  }
  if (state.window.settled < policy.settleSeconds) {
    return { state: { ...state, window: { ...state.window, settled: state.window.settled + seen.seconds } } };
  }
  const window = add(state.window, seen);
  state = { ...state, window };
  const isTrial = state.phase === "trying" && state.move !== undefined;
  const now = measured(window);
  const isHopeless =
    isTrial &&
    window.seconds >= policy.rampSeconds &&
    now.error < policy.loss * now.rate &&
    now.rate < state.best.rate * (1 - policy.loss);
  // Of the best setting there is a rate already; this one only corrects it.
  const isKnown = state.phase === "trying" && !isTrial && state.best.rate > 0;
  const length = state.phase === "climbing" || isKnown ? policy.rampSeconds : policy.windowSeconds;
  const isUnsure = now.error > policy.precision * now.rate && window.seconds < 3 * length;
  if ((window.seconds < length || isUnsure) && !isHopeless) return { state };

  const tooMuch = pressure(window, policy);
  if (tooMuch && holdSeconds === 0) return backOff(state, policy, tooMuch.text, tooMuch.of);
  switch (state.phase) {
    case "climbing":
      return climb(state, now, seen, policy);
    case "trying":
      return attempt(state, now, seen, policy);
    case "resting":
      return rest(state, now.rate, policy);
  }
}

function add(window: Window, seen: Observation): Window {
  const weighed = (name: "full" | "network" | "collecting" | "merging" | "heap"): number =>
    (window[name] * window.seconds + seen[name] * seen.seconds) / (window.seconds + seen.seconds);
  return {
    settled: window.settled,
    seconds: window.seconds + seen.seconds,
    documents: window.documents + seen.documents,
    observations: window.observations + 1,
    squares: window.squares + (seen.documents / seen.seconds) ** 2,
    full: weighed("full"),
    network: weighed("network"),
    latency: Math.max(window.latency, seen.latencyMillis),
    heap: weighed("heap"),
    collecting: weighed("collecting"),
    merging: weighed("merging"),
  };
}

function measured({ documents, seconds, observations, squares }: Window): Measured {
  const rate = documents / seconds;
  const variance = Math.max(0, squares / observations - rate ** 2);
  return { rate, error: Math.sqrt(variance / observations) };
}

/** What is too much for the store, and which budget makes it less. */
function pressure(window: Window, policy: TuningPolicy): { text: string; of: Amount } | undefined {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  if (window.collecting > policy.collecting) {
    return { text: `a data node collects garbage for ${percent(window.collecting)} of the time`, of: "bulkBytes" };
  }
  if (window.heap > policy.heap) return { text: `a data node's heap is ${percent(window.heap)} full`, of: "bulkBytes" };
  if (window.merging > policy.merging) {
    return { text: `merges hold indexing up for ${percent(window.merging)} of the time`, of: "requestsInFlight" };
  }
  if (window.latency > policy.latencyMillis) {
    return { text: `a request takes ${(window.latency / 1000).toFixed(1)} s`, of: "requestsInFlight" };
  }
  return undefined;
}

/** Less of one budget, or of the other where that one is at its least. What was found before does not hold any more. */
function backOff(state: TuningState, policy: TuningPolicy, why: string, of: Amount): TuningStep {
  const { budgets } = state;
  const less = (name: Amount): Budgets => ({
    ...budgets,
    [name]: Math.max(policy[name].min, Math.floor(budgets[name] * policy.backOff)),
  });
  const other = of === "bulkBytes" ? "requestsInFlight" : "bulkBytes";
  const next = less(of)[of] < budgets[of] ? less(of) : less(other);
  const resting: TuningState = {
    ...roundOf(state, []),
    phase: "resting",
    best: { budgets: next, ...UNKNOWN },
    holdSeconds: policy.backOffSeconds,
    rested: policy.restSeconds - policy.backOffSeconds,
  };
  return changed(resting, budgets, next, why);
}

function climb(state: TuningState, now: Measured, seen: Observation, policy: TuningPolicy): TuningStep {
  const { budgets } = state;
  // Where rates jump the larger one has the benefit of the doubt: the bounds keep it from being far too much.
  const isNoisy = now.error > policy.precision * now.rate;
  const likely = isNoisy ? now.rate + policy.doubt * now.error : now.rate / (1 + policy.gain);
  const isFaster = likely > state.best.rate;
  const idleSteps = isFaster ? 0 : state.idleSteps + 1;
  const best = isFaster ? { budgets, ...now } : state.best;
  const higher = bounded(
    { ...budgets, bulkBytes: budgets.bulkBytes * 2, requestsInFlight: budgets.requestsInFlight * 2 },
    seen,
    policy,
  );
  const slower = now.rate < best.rate * (1 - policy.loss) ? [...state.slower, budgets] : state.slower;
  const next = { ...state, best, idleSteps, slower };
  const isMissing = state.window.full >= policy.full;
  if (idleSteps < 2 && isMissing && !same(higher, budgets)) {
    const how = isFaster ? "it is faster with more" : "it is not faster; once more to be sure";
    return changed({ ...next, window: EMPTY }, budgets, higher, how);
  }
  // What it is worth is measured anew: a cold store was slower than it is now.
  const trying = { ...roundOf(next, ROUND), best: { budgets: best.budgets, ...UNKNOWN } };
  return changed(trying, budgets, best.budgets, "more than this is not faster");
}

/** Ends a trial, or the measurement of the best setting between two trials. */
function attempt(state: TuningState, now: Measured, seen: Observation, policy: TuningPolicy): TuningStep {
  const { move, best, budgets } = state;
  if (move === undefined) {
    // The best one once more: the store may have become faster or slower by itself.
    const { rate, error } = best.rate === 0 ? now : { rate: (best.rate + now.rate) / 2, error: best.error };
    return attemptNext({ ...state, best: { ...best, rate, error } }, seen, policy, "");
  }
  const gained = now.rate / best.rate - 1;
  const doubt = (policy.doubt * Math.hypot(now.error, best.error)) / best.rate;
  const isClear = Math.abs(gained) > doubt;
  // Less is only faster where the store had too much: to be seen twice as long. So is what looks faster and may be luck.
  const least = gained > policy.gain && (!isMore(move) || !isClear) ? 2 * policy.windowSeconds : 0;
  if (state.window.seconds < least) return { state };
  const isPlain = move === "plain-bodies";
  // What is as fast without it is not compressed.
  const isBetter = isPlain ? gained > -policy.gain : gained > policy.gain && isClear;
  if (!isBetter) {
    const isSlower = gained < -policy.gain && isClear;
    const { move: _, ...left } = state;
    const slower = isSlower ? [...state.slower, budgets] : state.slower;
    const back = `${moveText(move)} is ${isSlower ? "slower" : "not faster"}`;
    return changed({ ...left, slower, window: EMPTY }, budgets, best.budgets, back);
  }
  const won: TuningState = { ...state, best: { budgets, ...now } };
  // What helped may help more; its opposite need not be tried.
  const moves = [move, ...state.moves.filter((other) => other !== move && other !== OPPOSITE[move])];
  return attemptNext({ ...won, moves }, seen, policy, `${moveText(move)} is ${isPlain ? "as fast" : "faster"}`);
}

/** The next trial, from the best setting; to rest when there is none. */
function attemptNext(state: TuningState, seen: Observation, policy: TuningPolicy, why: string): TuningStep {
  const { best } = state;
  const moves = [...state.moves];
  for (let move = moves.shift(); move !== undefined; move = moves.shift()) {
    // Where requests are not what is missing, more of them change nothing.
    if (isMore(move) && (state.holdSeconds > 0 || state.window.full < policy.full)) continue;
    if (move === "compressed-bodies" && state.window.network < policy.network) continue;
    const next = bounded(moved(best.budgets, move), seen, policy);
    if (same(next, best.budgets) || state.slower.some((known) => isBeyond(next, known, best.budgets))) continue;
    const text = `${why === "" ? "" : `${why}; `}trying ${moveText(move)}`;
    return changed({ ...state, phase: "trying", move, moves, window: EMPTY }, state.budgets, next, text);
  }
  // Its rate is that of the windows to come: what won was also lucky.
  const resting = { ...roundOf(state, []), phase: "resting" as const, best: { budgets: best.budgets, ...UNKNOWN } };
  return changed(resting, state.budgets, best.budgets, why === "" ? "nothing is faster" : why);
}

function rest(state: TuningState, rate: number, policy: TuningPolicy): TuningStep {
  const rates = [...state.rates, rate].slice(-LAST_RATES);
  const rested = state.rested + state.window.seconds;
  const next = { ...state, window: { ...EMPTY, settled: policy.settleSeconds }, rates, rested };
  const usual = median(rates);
  if (state.best.rate === 0) {
    if (rates.length < LAST_RATES) return { state: next };
    return { state: { ...next, best: { ...state.best, rate: usual, error: spread(rates) } } };
  }
  const recent = median(rates.slice(-3));
  const hasChanged =
    rates.length >= 3 &&
    Math.abs(recent / state.best.rate - 1) >
      Math.max(policy.change, (2 * policy.doubt * state.best.error) / state.best.rate);
  if (hasChanged && state.holdSeconds === 0) {
    return { state: afresh(next) };
  }
  if (rested < policy.restSeconds || state.holdSeconds > 0) return { state: next };
  return { state: { ...roundOf(next, NOW_AND_THEN), best: { ...state.best, ...UNKNOWN } } };
}

/** A round of trials that begins with measuring the best setting, which holds. */
function roundOf(state: TuningState, moves: readonly Move[]): TuningState {
  const { move: _, ...rest } = state;
  return { ...rest, phase: "trying", moves, window: EMPTY, rates: [], rested: 0 };
}

/** A round in which everything is tried, since nothing that was found before need hold any more. */
function afresh(state: TuningState): TuningState {
  const round = roundOf(state, ROUND);
  return { ...round, best: { ...round.best, ...UNKNOWN }, slower: [] };
}

function changed(state: TuningState, from: Budgets, to: Budgets, reason: string): TuningStep {
  const next = { ...state, budgets: to };
  return same(from, to) ? { state: next } : { state: next, reason: `${reason}: ${inFlightText(to)}` };
}

/** Takes the budgets down to what there is room for. */
function fit(state: TuningState, seen: Observation, policy: TuningPolicy, why: string): TuningStep {
  const best = bounded(state.best.budgets, seen, policy);
  return changed(
    { ...state, best: { ...state.best, budgets: best } },
    state.budgets,
    bounded(state.budgets, seen, policy),
    why,
  );
}

/** The budgets, or what the bounds leave of them: bodies get smaller first, since requests in flight are what keeps a store busy. */
function bounded(budgets: Budgets, seen: Observation, policy: TuningPolicy): Budgets {
  const requests = clamp(budgets.requestsInFlight, policy.requestsInFlight);
  const share = (seen.heapBytes * policy.heapShare) / Math.max(1, seen.parsers);
  const room = Math.min(policy.inFlightBytes, share > 0 ? share : Number.POSITIVE_INFINITY);
  const bulkBytes = clamp(Math.min(budgets.bulkBytes, room / requests), policy.bulkBytes);
  const most = Math.floor(room / bulkBytes);
  return {
    ...budgets,
    bulkBytes: Math.floor(bulkBytes),
    requestsInFlight: clamp(Math.min(requests, most), policy.requestsInFlight),
  };
}

const OPPOSITE: Readonly<Record<Move, Move>> = {
  "more-requests": "fewer-requests",
  "fewer-requests": "more-requests",
  "larger-bodies": "smaller-bodies",
  "smaller-bodies": "larger-bodies",
  "compressed-bodies": "plain-bodies",
  "plain-bodies": "compressed-bodies",
};

function moved(budgets: Budgets, move: Move): Budgets {
  const { bulkBytes, requestsInFlight } = budgets;
  switch (move) {
    case "more-requests":
      return { ...budgets, requestsInFlight: Math.ceil(requestsInFlight * 1.5) };
    case "fewer-requests":
      return { ...budgets, requestsInFlight: Math.floor(requestsInFlight / 1.5) };
    case "larger-bodies":
      return { ...budgets, bulkBytes: bulkBytes * 2 };
    case "smaller-bodies":
      return { ...budgets, bulkBytes: Math.floor(bulkBytes / 2) };
    case "compressed-bodies":
      return { ...budgets, compressed: true };
    case "plain-bodies":
      return { bulkBytes, requestsInFlight };
  }
}

function isMore(move: Move): boolean {
  return MORE.includes(move);
}

function moveText(move: Move): string {
  return move.replace("-", " ");
}

/** In words: `4 requests of 2.0 MiB`. */
export function inFlightText({ bulkBytes, requestsInFlight, compressed }: Budgets): string {
  return `${String(requestsInFlight)} requests of ${(bulkBytes / 2 ** 20).toFixed(2)} MiB for each parser${compressed ? ", compressed" : ""}`;
}

function same(a: Budgets, b: Budgets): boolean {
  return a.bulkBytes === b.bulkBytes && a.requestsInFlight === b.requestsInFlight && a.compressed === b.compressed;
}

/** Whether a setting is as far from the best one as a known one, or further, in no other direction. */
function isBeyond(next: Budgets, known: Budgets, best: Budgets): boolean {
  if (known.compressed !== next.compressed) return false;
  return (["bulkBytes", "requestsInFlight"] as const).every((name) =>
    next[name] >= best[name]
      ? known[name] <= next[name] && known[name] >= best[name]
      : known[name] >= next[name] && known[name] <= best[name],
  );
}

function clamp(value: number, { min, max }: { readonly min: number; readonly max: number }): number {
  return Math.min(max, Math.max(min, value));
}

/** Standard deviation. */
function spread(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
