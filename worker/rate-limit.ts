import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { CampaignKeys } from "./contract/keys.ts";
import { askBucket, type Rates } from "./contract/rate-bucket.ts";

/** The campaign's limits in events and bytes a second, shared by all parsers: see `contract/rate-bucket.ts`. */
export interface RateLimit {
  /** Waits until the campaign may send this much more. */
  take(events: number, bytes: number, signal: AbortSignal): Promise<void>;
  /** The limits that were read last, at most a second old. */
  limits(): Promise<Rates>;
}

/** How long read limits are good for, and the longest wait before they are looked at again. */
const REFRESH_MS = 1000;

/** @param redis a connection of the parser's, which retries for ever */
export function createRateLimit(redis: Redis, keys: CampaignKeys, refreshMs: number = REFRESH_MS): RateLimit {
  let known: Promise<Rates> | undefined;
  let readAt = 0;

  function limits(): Promise<Rates> {
    if (known === undefined || performance.now() - readAt >= refreshMs) {
      readAt = performance.now();
      known = redis
        .hmget(keys.knobs, "eventsPerSecond", "bytesPerSecond")
        .then(([events, bytes]) => ({ eventsPerSecond: rate(events), bytesPerSecond: rate(bytes) }));
      known.catch(() => (known = undefined));
    }
    return known;
  }

  return {
    limits,
    async take(events, bytes, signal) {
      for (;;) {
        signal.throwIfAborted();
        const now = await limits();
        if (now.eventsPerSecond === 0 && now.bytesPerSecond === 0) return;
        // Apart from the knobs: the role may only read those, and a script's keys count as written.
        const { waitMillis } = await askBucket(redis, keys, now, events, bytes);
        if (waitMillis === 0) return;
        await delay(Math.min(waitMillis, refreshMs), undefined, { signal });
      }
    },
  };
}

function rate(text: string | null | undefined): number {
  const value = Number(text ?? 0);
  return Number.isFinite(value) && value > 0 ? value : 0;
}
