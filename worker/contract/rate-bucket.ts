import type { Redis } from "ioredis";
import type { CampaignKeys } from "./keys.ts";

/**
 * What a campaign may send a second, shared by all its parsers: two token buckets in Redis, one of events and one of bytes.
 *
 * A taker may go into debt with what it takes, and everybody then waits until the debt is paid. So a batch larger
 * than the bucket passes, the rate is kept over time, and a change of the limit works at once: debts are counted in
 * events and bytes, not in time. A bucket holds at most half a second, so that idling is not made up for by a burst.
 *
 * Each bucket also knows how much of what flowed in there was room for in the last seconds. Where there always is, takers are held by the rate;
 * that holds as well of one whose last batch pays for many seconds, in which nobody takes anything.
 */

/** Most tokens that are saved up, in seconds of the rate. */
const BURST_SECONDS = 0.5;
/** Use is that of about so many seconds; those before them fade out. */
const USE_SECONDS = 1.5;

/** The clock is Redis's. Without anything before it a bucket is taken to be used to the full. */
const ASK = `
local now = redis.call('TIME')
local at = tonumber(now[1]) + tonumber(now[2]) / 1e6
local passed = math.max(0, at - tonumber(redis.call('HGET', KEYS[1], 'at') or at))
local fresh = 1 - math.exp(-passed / tonumber(ARGV[6]))
local wait = 0
local left = {}
local uses = {}
for i, name in ipairs({'events', 'bytes'}) do
  local rate = tonumber(ARGV[i])
  local used, unused = 0, 0
  if rate > 0 then
    local before = redis.call('HMGET', KEYS[1], name, name .. 'Used', name .. 'Unused')
    local full = rate * tonumber(ARGV[5])
    local tokens = tonumber(before[1] or full)
    left[i] = math.min(full, tokens + passed * rate)
    used, unused = tonumber(before[2] or rate), tonumber(before[3] or 0)
    if passed > 0 then
      local kept = math.max(0, left[i] - tokens) / passed
      used = used + fresh * (kept - used)
      unused = unused + fresh * (rate - kept - unused)
    end
    if left[i] <= 0 then wait = math.max(wait, -left[i] / rate + 0.001) end
  end
  table.insert(uses, tostring(used))
  table.insert(uses, tostring(unused))
end
for i, name in ipairs({'events', 'bytes'}) do
  if left[i] then
    if wait == 0 then left[i] = left[i] - tonumber(ARGV[i + 2]) end
    redis.call('HSET', KEYS[1], name, tostring(left[i]), name .. 'Used', uses[2 * i - 1], name .. 'Unused', uses[2 * i])
  else
    redis.call('HDEL', KEYS[1], name, name .. 'Used', name .. 'Unused')
  end
end
redis.call('HSET', KEYS[1], 'at', string.format('%.6f', at))
return {math.ceil(wait * 1000), unpack(uses)}`;

/** Events and bytes a second; 0 = no limit. */
export interface Rates {
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Of what flowed into a bucket in the last seconds, a second: what there was room for, since it was taken before, and what there was not. */
export interface BucketUse {
  readonly used: number;
  readonly unused: number;
}

export interface BucketAnswer {
  /** Until it is worth to ask again; 0 when it was taken. */
  readonly waitMillis: number;
  /** Zeros where there is no limit. */
  readonly events: BucketUse;
  readonly bytes: BucketUse;
}

/** Takes so much from a campaign's buckets, which fill at these rates, or nothing while they are in debt. Whoever asks for nothing looks at their use. */
export async function askBucket(
  redis: Redis,
  { bucket }: Pick<CampaignKeys, "bucket">,
  { eventsPerSecond, bytesPerSecond }: Rates,
  events: number,
  bytes: number,
): Promise<BucketAnswer> {
  const answer = await redis.eval(
    ASK,
    1,
    bucket,
    eventsPerSecond,
    bytesPerSecond,
    events,
    bytes,
    BURST_SECONDS,
    USE_SECONDS,
  );
  const [waitMillis = 0, ...uses] = (answer as readonly (number | string)[]).map(Number);
  const use = (at: number): BucketUse => ({ used: uses[at] ?? 0, unused: uses[at + 1] ?? 0 });
  return { waitMillis, events: use(0), bytes: use(2) };
}
