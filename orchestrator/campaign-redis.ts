import { Redis } from "ioredis";
import { describeError, StoreError } from "../worker/contract/errors.ts";
import { campaignKeys, type CampaignKeys } from "../worker/contract/keys.ts";
import { campaignAccess, isBehindProxy } from "./access-path.ts";
import type { CampaignRecord } from "./campaign-store.ts";
import type { CampaignPaths, StatePaths } from "./paths.ts";

/**
 * Runs something with a command's own connection to the Redis of a campaign that has booted.
 * @throws ConfigError `SERVICES_DOWN`; GridError `SECRETS_MISSING`, `GATEWAY_DOWN`; StoreError `REDIS_AWAY`; what `run` throws
 */
export async function withCampaignRedis<T>(
  campaign: { readonly record: CampaignRecord; readonly paths: CampaignPaths; readonly state: StatePaths },
  run: (redis: Redis, keys: CampaignKeys) => Promise<T>,
): Promise<T> {
  const { record } = campaign;
  const access = await campaignAccess(campaign, ["redis"]);
  const redis = new Redis({ ...access.redis, lazyConnect: true, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    await redis.connect().catch((error: unknown) => {
      throw new StoreError(
        "REDIS_AWAY",
        `Redis at ${access.redis.host ?? ""}:${String(access.redis.port)} does not answer: ${describeError(error)}; \`gridharvest services up\` starts the embedded one${isBehindProxy(record.config) ? `, \`gridharvest adopt ${record.id}\` a gateway that is gone` : ""}`,
        { retryable: true, cause: error },
      );
    });
    return await run(redis, campaignKeys(record.id));
  } finally {
    redis.disconnect();
  }
}
