/** Times and sizes of the sink. All waits end early when the write is aborted. */
export interface SinkPolicy {
  /** First wait after a failed request, milliseconds; each further one in a row doubles it. Default 100. */
  readonly backoffMs: number;
  /** Longest wait between two requests. Default 10 s. */
  readonly longestBackoffMs: number;
  /** First time for which a node that did not answer is left out; doubles up to `longestBackoffMs`. Default 500 ms. */
  readonly deadNodeMs: number;
  /**
   * A connection without a byte for this long counts as lost, and the bulk is sent again; what had been
   * written is then counted as duplicate. Far above what a busy node needs. Default 120 s.
   */
  readonly silenceMs: number;
  /**
   * A connection that is not made for this long, TLS included, is given up, and tried again later: nothing was sent by then. Far below the
   * kernel's own patience, so that a node is found soon after its network is back. Default 10 s.
   */
  readonly connectMs: number;
  /** Failed requests in a row after which the sink says that something is wrong. Default 5. */
  readonly problemAfter: number;
  /** A larger request that was refused with 429 that often in a row is sent in halves. Default 1 MiB. */
  readonly smallestSplitBytes: number;
}

export const DEFAULT_POLICY: SinkPolicy = {
  backoffMs: 100,
  longestBackoffMs: 10_000,
  deadNodeMs: 500,
  silenceMs: 120_000,
  connectMs: 10_000,
  problemAfter: 5,
  smallestSplitBytes: 2 ** 20,
};

/**
 * The wait before the next request: exponential, with jitter over its upper half, so that parsers that failed
 * together do not come back together.
 *
 * @param failures failed requests in a row, at least 1
 * @param random 0 to 1
 */
export function backoffMs(
  policy: Pick<SinkPolicy, "backoffMs" | "longestBackoffMs">,
  failures: number,
  random: number,
): number {
  const full = Math.min(policy.longestBackoffMs, policy.backoffMs * 2 ** Math.min(failures - 1, 30));
  return full / 2 + (full / 2) * random;
}
