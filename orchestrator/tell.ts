import { GridError } from "../worker/contract/errors.ts";
import { isFinal } from "./campaign.ts";
import { withCampaignRedis } from "./campaign-redis.ts";
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
  const campaign = await loadCampaign(site.stateDir, id);
  const status = await campaignStatus(site.stateDir, id);
  if (isFinal(status.state))
    throw new GridError(
      "CAMPAIGN_OVER",
      `campaign ${id} has ended (${status.state}); there is nothing to ${command.kind}`,
    );
  return await withCampaignRedis(campaign, (redis, keys) => sendCommand(redis, keys, command, signal));
}
