import { SITE_SHARES } from "../worker/contract/keys.ts";
import type { CampaignContext } from "./context.ts";
import { limitsOf } from "./limits.ts";

// The clock is Redis's. Whose orchestrator died without a word has its part for as long as its parsers may go on.
const TAKE_PART = `
local now = tonumber(redis.call('TIME')[1])
if tonumber(ARGV[2]) > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%d', now + 1 + tonumber(ARGV[3])))
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
local sum = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local weight, ends = string.match(all[i + 1], '^(%S+) (%d+)$')
  if ends and tonumber(ends) > now then sum = sum + tonumber(weight) else redis.call('HDEL', KEYS[1], all[i]) end
end
return tostring(sum)`;

/** Whether the campaigns of the site have a limit together. */
export function dividesSite({ limits: { site } }: Pick<CampaignContext["config"], "limits">): boolean {
  return site.eventsPerSecond > 0 || site.bytesPerSecond > 0;
}

/**
 * The part of what all campaigns of a site may load together that is this one's: its weight among those that load just now. Says that it
 * loads, or that it does not any more. What a campaign cannot use of its part nobody else uses.
 *
 * @returns 0 to 1; 1 where nothing is said of the site
 */
export async function takePart(ctx: CampaignContext): Promise<number> {
  const { config, record, redis, view } = ctx;
  if (!dividesSite(config)) return 1;
  const { weight } = limitsOf(config, view);
  const now = view.state === "running" ? weight : 0;
  const sum = Number(
    await redis.eval(TAKE_PART, 1, SITE_SHARES, record.id, now, Math.ceil(config.parsers.orphanGrace)),
  );
  // One that does not load yet begins with what it is going to have.
  return weight / (sum + weight - now);
}
