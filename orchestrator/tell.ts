import { Redis } from "ioredis";
import { describeError, GridError, StoreError } from "../worker/contract/errors.ts";
import { campaignKeys } from "../worker/contract/keys.ts";
import { isFinal } from "./campaign.ts";
import { loadCampaign } from "./campaign-store.ts";
import { sendCommand, type Command, type CommandReply } from "./commands.ts";
import type { SiteConfig } from "./launch.ts";
import { readServices, redisOptions } from "./services/index.ts";
import { campaignStatus } from "./status.ts";

/**
 * Tells the orchestrator of a campaign something and returns its answer.
 * @throws GridError `CAMPAIGN_OVER` when it has ended, `COMMAND_REFUSED`, `ORCHESTRATOR_GONE`
 */
export async function tellOrchestrator(
  site: SiteConfig,
  id: string,
  command: Command,
  signal: AbortSignal,
): Promise<CommandReply> {
  const { record, state } = await loadCampaign(site.stateDir, id);
  const status = await campaignStatus(site.stateDir, id);
  if (isFinal(status.state))
    throw new GridError(
      "CAMPAIGN_OVER",
      `campaign ${id} has ended (${status.state}); there is nothing to ${command.kind}`,
    );
  const services = await readServices(record.config, state, ["redis"]);
  const redis = new Redis({ ...redisOptions(services.redis), lazyConnect: true, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    await redis.connect().catch((error: unknown) => {
      throw new StoreError(
        "REDIS_AWAY",
        `Redis at ${services.redis.host}:${String(services.redis.port)} does not answer: ${describeError(error)}; \`gridharvest services up\` starts the embedded one`,
        { retryable: true, cause: error },
      );
    });
    return await sendCommand(redis, campaignKeys(record.id), command, signal);
  } finally {
    redis.disconnect();
  }
}
