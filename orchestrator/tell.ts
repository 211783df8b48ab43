import { Redis } from "ioredis";
import { describeError, GridError, StoreError } from "../worker/contract/errors.ts";
import { campaignKeys } from "../worker/contract/keys.ts";
import { campaignAccess, isBehindProxy } from "./access-path.ts";
import { isFinal } from "./campaign.ts";
import { loadCampaign } from "./campaign-store.ts";
import { sendCommand, type Command, type CommandReply } from "./commands.ts";
import type { SiteConfig } from "./launch.ts";
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
  const { record, paths, state } = await loadCampaign(site.stateDir, id);
  const status = await campaignStatus(site.stateDir, id);
  if (isFinal(status.state))
    throw new GridError(
      "CAMPAIGN_OVER",
      `campaign ${id} has ended (${status.state}); there is nothing to ${command.kind}`,
    );
  const access = await campaignAccess({ record, paths, state }, ["redis"]);
  const redis = new Redis({ ...access.redis, lazyConnect: true, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    await redis.connect().catch((error: unknown) => {
      throw new StoreError(
        "REDIS_AWAY",
        `Redis at ${access.redis.host ?? ""}:${String(access.redis.port)} does not answer: ${describeError(error)}; \`gridharvest services up\` starts the embedded one${isBehindProxy(record.config) ? `, \`gridharvest adopt ${id}\` a gateway that is gone` : ""}`,
        { retryable: true, cause: error },
      );
    });
    return await sendCommand(redis, campaignKeys(record.id), command, signal);
  } finally {
    redis.disconnect();
  }
}
