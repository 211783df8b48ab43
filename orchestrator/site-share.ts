import { SITE_SHARES } from "../worker/contract/keys.ts";
import { askBucket, type Rates } from "../worker/contract/rate-bucket.ts";
import type { CampaignContext } from "./context.ts";
import { demandOf, divide } from "./fair-shares.ts";
import { limitsOf, toldRates } from "./limits.ts";

// The clock is Redis's. Whose orchestrator died without a word has its part for as long as its parsers may go on.
const CLAIM = `
local now = tonumber(redis.call('TIME')[1])
if tonumber(ARGV[2]) > 0 then
  local ends = string.format('%d', now + 1 + tonumber(ARGV[3]))
  redis.call('HSET', KEYS[1], ARGV[1], table.concat({ends, ARGV[2], ARGV[4], ARGV[5]}, ' '))
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
local others = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local ends, claim = string.match(all[i + 1], '^(%d+) (%S+ %S+ %S+)$')
  if not ends or tonumber(ends) <= now then redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] then table.insert(others, claim) end
end
return others`;

/** What one campaign asks for of the site's limits. */
interface SiteClaim {
  readonly weight: number;
  /** Demands a second; infinite of one that presses against its part. */
  readonly events: number;
  readonly bytes: number;
}

/** Whether the campaigns of the site have a limit together. */
export function dividesSite({ limits: { site } }: Pick<CampaignContext["config"], "limits">): boolean {
  return site.eventsPerSecond > 0 || site.bytesPerSecond > 0;
}

/**
 * The part of what all campaigns of a site may load together that is this one's, by its weight and demand and those of whoever loads just now. Says that it
 * loads and what it asks for, or that it does not load any more. Everybody divides alike what stands there, so the parts add up as soon as all have looked.
 *
 * @returns 0 where nothing is said of the site
 */
export async function takePart(ctx: CampaignContext): Promise<Rates> {
  const { config, record, redis, view } = ctx;
  const { site } = config.limits;
  if (!dividesSite(config)) return { eventsPerSecond: 0, bytesPerSecond: 0 };
  const { weight } = limitsOf(config, view);
  const loads = view.state === "running";
  // One that does not load yet begins with what it is going to have.
  const mine = loads ? await claimOf(ctx) : { weight, events: Infinity, bytes: Infinity };
  const others = await redis.eval(
    CLAIM,
    1,
    SITE_SHARES,
    record.id,
    loads ? weight : 0,
    Math.ceil(config.parsers.orphanGrace),
    String(mine.events),
    String(mine.bytes),
  );
  const claims = [mine, ...(others as readonly string[]).map(readClaim)];
  const partOf = (limit: number, kind: "events" | "bytes"): number => {
    if (limit === 0) return 0;
    const [part = 0] = divide(
      limit,
      claims.map((claim) => ({ weight: claim.weight, demand: claim[kind] })),
    );
    // Nothing would be no limit.
    return Math.max(1, Math.floor(part));
  };
  return {
    eventsPerSecond: partOf(site.eventsPerSecond, "events"),
    bytesPerSecond: partOf(site.bytesPerSecond, "bytes"),
  };
}

/** By what its parsers have used of what they were told. */
async function claimOf(ctx: CampaignContext): Promise<SiteClaim> {
  const { weight, eventsPerSecond, bytesPerSecond } = limitsOf(ctx.config, ctx.view);
  const use = await askBucket(ctx.redis, ctx.keys, await toldRates(ctx), 0, 0);
  return {
    weight,
    events: demandOf(use.events, eventsPerSecond),
    bytes: demandOf(use.bytes, bytesPerSecond),
  };
}

function readClaim(text: string): SiteClaim {
  const [weight = 0, events = 0, bytes = 0] = text.split(" ").map(Number);
  return { weight, events, bytes };
}
