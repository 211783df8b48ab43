import { Redis } from "ioredis";
import { describeError } from "../../worker/contract/errors.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { campaignIds, loadCampaign } from "../campaign-store.ts";
import type { SiteConfig } from "../launch.ts";
import type { Log } from "../log.ts";
import { readJobName } from "../node-specs.ts";
import { statePaths } from "../paths.ts";
import { readServices, redisOptions } from "../services/index.ts";
import { campaignStatus } from "../status.ts";
import type { KnownCampaign } from "./found.ts";

/**
 * Campaigns by tag, as far as their directories and Redis tell. Whatever cannot be read is left out: what ends jobs must work when all of it
 * is gone.
 */
export async function knownCampaigns(config: SiteConfig, log: Log): Promise<ReadonlyMap<string, KnownCampaign>> {
  const known = new Map<string, KnownCampaign>();
  for (const id of await campaignIds(config.stateDir)) {
    try {
      const { record } = await loadCampaign(config.stateDir, id);
      const { state, orchestrator } = await campaignStatus(config.stateDir, id);
      known.set(record.tag, { id, state, hasOrchestrator: orchestrator.alive });
    } catch (error) {
      log.warn("a campaign's directory cannot be read", { campaign: id, error: describeError(error) });
    }
  }
  for (const [tag, campaign] of await askRedis(config, log)) {
    const before = known.get(tag);
    // An orchestrator on another host shows in Redis first.
    known.set(
      tag,
      before ? { ...before, hasOrchestrator: before.hasOrchestrator || campaign.hasOrchestrator } : campaign,
    );
  }
  return known;
}

const ANSWER_MS = 5_000;

async function askRedis(config: SiteConfig, log: Log): Promise<ReadonlyMap<string, KnownCampaign>> {
  let redis: Redis | undefined;
  try {
    const services = await readServices(config, statePaths(config.stateDir), ["redis"]);
    redis = new Redis({
      ...redisOptions(services.redis),
      lazyConnect: true,
      connectTimeout: ANSWER_MS,
      commandTimeout: ANSWER_MS,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    redis.on("error", () => undefined);
    await redis.connect();
    return await campaignsInRedis(redis);
  } catch (error) {
    log.info("Redis does not tell which orchestrators are alive", { error: describeError(error) });
    return new Map();
  } finally {
    redis?.disconnect();
  }
}

/** Campaigns that have leases, by the tag in the names of their jobs. */
export async function campaignsInRedis(redis: Redis): Promise<ReadonlyMap<string, KnownCampaign>> {
  const known = new Map<string, KnownCampaign>();
  const [before = "", after = ""] = campaignKeys("*").leases.split("*");
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", campaignKeys("*").leases, "COUNT", 1000);
    for (const key of keys) {
      const id = key.slice(before.length, key.length - after.length);
      const hasOrchestrator = (await redis.exists(campaignKeys(id).alive)) === 1;
      for (const jobName of await redis.hkeys(key)) {
        const tag = readJobName(jobName)?.tag;
        if (tag !== undefined) known.set(tag, { id, hasOrchestrator });
      }
    }
    cursor = next;
  } while (cursor !== "0");
  return known;
}
