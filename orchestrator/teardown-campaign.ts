import { GridError } from "../worker/contract/errors.ts";
import { isFinal } from "./campaign.ts";
import type { Io } from "./cli/command.ts";
import type { SiteConfig } from "./launch.ts";
import { orchestrate } from "./orchestrate.ts";
import { campaignStatus, type CampaignStatus } from "./status.ts";
import { tellOrchestrator } from "./tell.ts";
import { watchCampaign } from "./watch.ts";

/**
 * Ends a campaign: through its orchestrator when that lives, else by taking the campaign over in this process. A campaign
 * that has ended already is swept once more.
 */
export async function teardownCampaign(
  site: SiteConfig,
  id: string,
  io: Io,
  signal: AbortSignal,
): Promise<CampaignStatus> {
  const before = await campaignStatus(site.stateDir, id);
  if (before.orchestrator.alive && !isFinal(before.state) && (await isTold(site, id, signal))) {
    const after = await watchCampaign(site.stateDir, id, { ...io, json: true }, signal);
    if (!isFinal(after.state)) {
      throw new GridError(
        "TEARDOWN_INCOMPLETE",
        `the orchestrator of ${id} went away in mid-teardown; run teardown again`,
        { retryable: true },
      );
    }
    return after;
  }
  await orchestrate({ stateDir: site.stateDir, id, log: io.log, signal, end: true });
  return campaignStatus(site.stateDir, id);
}

/** @returns false when its orchestrator shows no sign of life after all: one on another host is alive only as far as its files tell */
async function isTold(site: SiteConfig, id: string, signal: AbortSignal): Promise<boolean> {
  try {
    await tellOrchestrator(site, id, { kind: "teardown" }, signal);
    return true;
  } catch (error) {
    if (error instanceof GridError && error.code === "ORCHESTRATOR_GONE") return false;
    throw error;
  }
}
