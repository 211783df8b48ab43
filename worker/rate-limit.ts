import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { CampaignKeys } from "./contract/keys.ts";

/**
 * The campaign's limits in events and bytes a second, shared by all parsers: two token buckets in Redis.
 *
 * A taker may go into debt with what it takes, and everybody then waits until the debt is paid. So a batch larger
 * than the bucket passes, the rate is kept over time, and a change of the limit works at once: debts are counted in
 * events and bytes, not in time. A bucket holds at most half a second, so that idling is not made up for by a burst.
 */

/** Most tokens that are saved up, in seconds of the rate. */
const BURST_SECONDS = 0.5;

/** Returns the milliseconds to wait before asking again; 0 when it was taken. The clock is Redis's. */
const TAKE = `
local now = redis.call('TIME')
local at = tonumber(now[1]) + tonumber(now[2]) / 1e6
local before = tonumber(redis.call('HGET', KEYS[1], 'at') or at)
local wait = 0
local left = {}
for i, name in ipairs({'events', 'bytes'}) do
  local rate = tonumber(ARGV[i])
  if rate > 0 then
    local full = rate * tonumber(ARGV[5])
    local tokens = tonumber(redis.call('HGET', KEYS[1], name) or full)
    left[i] = math.min(full, tokens + math.max(0, at - before) * rate)
    if left[i] <= 0 then wait = math.max(wait, -left[i] / rate + 0.001) end
  end
end
for i, name in ipairs({'events', 'bytes'}) do
  if left[i] then
    if wait == 0 then left[i] = left[i] - tonumber(ARGV[i + 2]) end
    redis.call('HSET', KEYS[1], name, tostring(left[i]))
  else
    redis.call('HDEL', KEYS[1], name)
  end
end
redis.call('HSET', KEYS[1], 'at', string.format('%.6f', at))
return math.ceil(wait * 1000)`;

/** The limits as they are now; 0 = none. */
export interface Limits {
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** See the head of this file. */
export interface RateLimit {
  /** Waits until the campaign may send this much more. */
  take(events: number, bytes: number, signal: AbortSignal): Promise<void>;
  /** The limits that were read last, at most a second old. */
  limits(): Promise<Limits>;
}

/** How long read limits are good for, and the longest wait before they are looked at again. */
const REFRESH_MS = 1000;

/** @param redis a connection of the parser's, which retries for ever */
export function createRateLimit(redis: Redis, keys: CampaignKeys, refreshMs: number = REFRESH_MS): RateLimit {
  let known: Promise<Limits> | undefined;
  let readAt = 0;

  function limits(): Promise<Limits> {
    if (known === undefined || performance.now() - readAt >= refreshMs) {
      readAt = performance.now();
      // Read apart from the script: the role may only read the knobs, and a script's keys count as written.
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
        const { eventsPerSecond, bytesPerSecond } = await limits();
        if (eventsPerSecond === 0 && bytesPerSecond === 0) return;
        const wait = Number(
          await redis.eval(TAKE, 1, keys.bucket, eventsPerSecond, bytesPerSecond, events, bytes, BURST_SECONDS),
        );
        if (wait === 0) return;
        await delay(Math.min(wait, refreshMs), undefined, { signal });
      }
    },
  };
}

function rate(text: string | null | undefined): number {
  const value = Number(text ?? 0);
  return Number.isFinite(value) && value > 0 ? value : 0;
}
