import type { Config } from "../config-schema.ts";

/** How the tuner goes about it: what it may set, and when it believes what it sees. Shares are 0 to 1. */
export interface TuningPolicy {
  readonly bulkBytes: { readonly min: number; readonly max: number };
  readonly requestsInFlight: { readonly min: number; readonly max: number };
  /** Most bytes of bulk bodies that one parser may have on its way: its memory is bounded by it. */
  readonly inFlightBytes: number;
  /**
   * What all parsers together may have on their way, as a share of the data nodes' heaps: half of what Elasticsearch takes before it refuses
   * (`indexing_pressure.memory.limit`, a tenth), since bodies are not spread evenly.
   */
  readonly heapShare: number;
  /** After a change so much is not looked at: parsers are told, and what was on its way is not of the change. */
  readonly settleSeconds: number;
  /** Nothing is learnt from what came before, when so long nothing has moved. */
  readonly stillSeconds: number;
  /** How long a setting is measured, while climbing fast and afterwards. */
  readonly rampSeconds: number;
  readonly windowSeconds: number;
  /** Where rates jump it is measured up to three times as long, until the standard error is this share of the rate. */
  readonly precision: number;
  /** By what share a setting must be faster than the best one to take its place. */
  readonly gain: number;
  /** And by how many standard errors of the two measurements: where rates jump, a small gain is none. */
  readonly doubt: number;
  /** A trial that is slower by this share is given up before its time. */
  readonly loss: number;
  /** While resting: by what share the rate must change to be looked into. */
  readonly change: number;
  /** How long it rests before it tries again what could be faster. */
  readonly restSeconds: number;
  /** Share of the time in which requests must be what is missing for more of them to be tried. */
  readonly full: number;
  /** Share of the time in which parsers must wait for the network alone for compressed bodies to be tried. */
  readonly network: number;
  /** What is too much: mean time of a request, heap in use, time in garbage collection, time throttled by merges. */
  readonly latencyMillis: number;
  readonly heap: number;
  readonly collecting: number;
  readonly merging: number;
  /** What is left of a budget after too much of something, and how long it may not grow again. */
  readonly backOff: number;
  readonly backOffSeconds: number;
}

export const DEFAULT_POLICY: TuningPolicy = {
  bulkBytes: { min: 64 * 1024, max: 8 * 2 ** 20 },
  requestsInFlight: { min: 1, max: 16 },
  inFlightBytes: 128 * 2 ** 20,
  heapShare: 0.05,
  settleSeconds: 1,
  stillSeconds: 5,
  rampSeconds: 2,
  windowSeconds: 4,
  precision: 0.05,
  gain: 0.03,
  doubt: 1.5,
  loss: 0.1,
  change: 0.2,
  restSeconds: 300,
  full: 0.05,
  network: 0.4,
  latencyMillis: 10_000,
  heap: 0.95,
  collecting: 0.2,
  merging: 0.5,
  backOff: 0.7,
  backOffSeconds: 30,
};

/** What of its memory a parser may have in flight unless the configuration says otherwise: lines, bodies and a repetition take three times as much. */
const MEMORY_SHARE = 8;

/** The policy of a campaign. */
export function policyOf({ tuning, parsers }: Pick<Config, "tuning" | "parsers">): TuningPolicy {
  const { bulkBytes, requestsInFlight, inFlightBytes = Math.floor(parsers.memory / MEMORY_SHARE) } = tuning;
  return { ...DEFAULT_POLICY, bulkBytes, requestsInFlight, inFlightBytes };
}
