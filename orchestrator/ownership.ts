import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { GridError } from "../worker/contract/errors.ts";
import { campaignKeys } from "../worker/contract/keys.ts";
import { campaignNameTaken } from "./redis-users.ts";

/**
 * Only one orchestrator owns a campaign. Owning is a fencing epoch, handed out by Redis, and a key with
 * a time to live that the owner renews; the same key is the sign of life that agents watch.
 */

/** How long the sign of life lasts without renewal. */
export const ALIVE_MS = 15_000;
const RENEW_MS = 3_000;
const ASK_MS = 500;

// An epoch is always higher than the journal's last, also when Redis lost its data.
const ACQUIRE = `
local identity = redis.call('GET', KEYS[3])
if identity and identity ~= ARGV[4] then return {-1, identity} end
redis.call('SET', KEYS[3], ARGV[4])
local alive = redis.call('GET', KEYS[1])
if alive and ARGV[3] ~= '1' then return {0, alive} end
local epoch = tonumber(redis.call('GET', KEYS[2]) or '0')
if epoch < tonumber(ARGV[1]) then epoch = tonumber(ARGV[1]) end
epoch = epoch + 1
redis.call('SET', KEYS[2], epoch)
redis.call('SET', KEYS[1], epoch, 'PX', ARGV[2])
return {epoch, ''}`;

// An expired sign of life that nobody took over is still ours. Without the epoch's key (a Redis that lost its data, a campaign that another
// orchestrator has ended) the journal has to say first whose the campaign is.
const RENEW = `
local epoch = redis.call('GET', KEYS[2])
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 0 end
if not epoch and ARGV[3] ~= '1' then return 2 end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

export interface Ownership {
  readonly epoch: number;
  /** Aborted when another orchestrator has taken over. */
  readonly lost: AbortSignal;
  /** Gives the campaign up at once, so that somebody else can adopt it without waiting. */
  release(): Promise<void>;
  /** Stops renewing without touching Redis. */
  stop(): void;
}

/**
 * Takes a campaign over. A sign of life that nobody renews is waited out.
 * @param campaign its id, and the tag that tells it from another of the same name in this Redis
 * @param lastEpoch highest epoch that the journal knows
 * @param force also when a sign of life is there: the caller knows that its process is dead
 * @throws GridError `CAMPAIGN_OWNED` when another orchestrator renews its sign of life; ConfigError `CAMPAIGN_EXISTS` when another
 *   campaign has the name; the signal's reason when aborted
 */
export async function acquireOwnership(
  redis: Redis,
  campaign: { readonly id: string; readonly tag: string },
  lastEpoch: number,
  options: {
    readonly force: boolean;
    readonly signal: AbortSignal;
    /** Whether the journal knows a later owner. */
    readonly hasSuccessor: (epoch: number) => Promise<boolean>;
    readonly onLost: () => void;
  },
): Promise<Ownership> {
  const keys = campaignKeys(campaign.id);
  const ask = async (): Promise<[epoch: number, holder: string]> =>
    (await redis.eval(
      ACQUIRE,
      3,
      keys.alive,
      keys.epoch,
      keys.identity,
      lastEpoch,
      ALIVE_MS,
      options.force ? 1 : 0,
      campaign.tag,
    )) as [number, string];
  let [epoch, holder] = await ask();
  let leftMs = Number.POSITIVE_INFINITY;
  while (epoch === 0) {
    const before = leftMs;
    leftMs = await redis.pttl(keys.alive);
    if (leftMs > before) {
      throw new GridError(
        "CAMPAIGN_OWNED",
        `another orchestrator (epoch ${holder}) is alive; use pause, cancel or teardown to talk to it`,
        { retryable: true },
      );
    }
    await sleep(ASK_MS, undefined, { signal: options.signal });
    [epoch, holder] = await ask();
  }
  if (epoch < 0) throw campaignNameTaken(campaign.id);
  const lost = new AbortController();
  const renew = async (): Promise<void> => {
    try {
      let ours = await redis.eval(RENEW, 2, keys.alive, keys.epoch, epoch, ALIVE_MS, 0);
      if (ours === 2) {
        ours = (await options.hasSuccessor(epoch))
          ? 0
          : await redis.eval(RENEW, 2, keys.alive, keys.epoch, epoch, ALIVE_MS, 1);
      }
      if (ours === 0 && !lost.signal.aborted) {
        clearInterval(timer);
        options.onLost();
        lost.abort();
      }
    } catch {
      // Redis, or the journal, is away. Nobody else can acquire the campaign meanwhile either.
    }
  };
  const timer = setInterval(() => void renew(), RENEW_MS);
  timer.unref();
  return {
    epoch,
    lost: lost.signal,
    stop: () => clearInterval(timer),
    async release() {
      clearInterval(timer);
      await redis.eval(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end",
        1,
        keys.alive,
        String(epoch),
      );
    },
  };
}
