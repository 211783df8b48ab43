import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "./contract/errors.ts";
import { backoffMs } from "./sinks/elasticsearch/policy.ts";

/** Times of a hold. Milliseconds. */
export interface HoldPolicy {
  /** The first rest; each further one without a good write in between is twice as long. */
  readonly backoffMs: number;
  /** The longest. A store that has come back is tried after that at the latest. */
  readonly longestBackoffMs: number;
}

export const HOLD_POLICY: HoldPolicy = { backoffMs: 1000, longestBackoffMs: 30_000 };

/** What a hold does to its parser. */
export interface Held {
  /** It takes no chunk any more. */
  rest(): void;
  /** It takes one. */
  tryOne(): void;
  /** It takes as many as it may. */
  goOn(): void;
  /** Resolves when the store answers. */
  probe(signal: AbortSignal): Promise<void>;
  /** Told why it still rests. */
  problem(text: string): void;
}

/**
 * Keeps a parser calm while nobody can tell what its bulks write. Each attempt at a chunk that is given up leaves a tag, and maybe documents, for
 * the sweep at the end; a parser that went on taking chunks would leave one for every chunk of the campaign, again and again.
 *
 * Open → *resting*, after a write that became uncertain: no chunk is taken. After its time, when the store answers, *trying*: one chunk is
 * taken. The first batch of it that is settled opens the parser again; if it becomes uncertain too, the next rest is twice as long.
 */
export class StoreHold {
  readonly #held: Held;
  readonly #signal: AbortSignal;
  readonly #policy: HoldPolicy;
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
  #state: "open" | "resting" | "trying" = "open";
  #failures = 0;

  /** @param signal ends it, in whatever state it is */
  constructor(
    held: Held,
    signal: AbortSignal,
    policy: HoldPolicy = HOLD_POLICY,
    sleep: (ms: number, signal: AbortSignal) => Promise<unknown> = (ms, until) =>
      delay(ms, undefined, { signal: until, ref: false }),
  ) {
    this.#held = held;
    this.#signal = signal;
    this.#policy = policy;
    this.#sleep = sleep;
  }

  get state(): "open" | "resting" | "trying" {
    return this.#state;
  }

  /** A write became uncertain. Of those that were under way together the first counts. */
  failed(): void {
    if (this.#state === "resting" || this.#signal.aborted) return;
    this.#state = "resting";
    this.#failures += 1;
    this.#held.rest();
    void this.#rest();
  }

  /** A batch was settled. While resting it is one of a chunk that was in work: the store takes something, and the next rest is the first again. */
  settled(): void {
    this.#failures = 0;
    if (this.#state !== "trying") return;
    this.#state = "open";
    this.#held.goOn();
  }

  async #rest(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await this.#sleep(restMs(this.#failures, this.#policy), this.#signal);
        await this.#held.probe(this.#signal);
        this.#state = "trying";
        this.#held.tryOne();
        return;
      } catch (error) {
        this.#failures += 1;
        if (!this.#signal.aborted) this.#held.problem(describeError(error));
      }
    }
  }
}

/** How long a parser, or a chunk, rests after so many failures in a row. */
export function restMs(failures: number, policy: HoldPolicy = HOLD_POLICY): number {
  return backoffMs(policy, Math.max(1, failures), Math.random());
}
