import { copyFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createCampaign, discardCampaign, type CampaignRecord } from "../campaign-store.ts";
import type { SiteConfig } from "../launch.ts";
import { statePaths, type CampaignPaths } from "../paths.ts";
import type { SavedMonth } from "./saved-month.ts";

/**
 * Creates a campaign that serves what another one saved; starts nothing. When the signal aborts nothing of it stays. It gets a copy of that campaign's plan and ledger, so that it is
 * checked and can be looked at whatever becomes of the other.
 * @throws ConfigError `CAMPAIGN_NAME`, `CAMPAIGN_EXISTS`
 */
export async function createService(
  site: SiteConfig,
  month: SavedMonth,
  options: { readonly until: number; readonly name?: string | undefined },
  signal: AbortSignal,
): Promise<{ record: CampaignRecord; paths: CampaignPaths }> {
  signal.throwIfAborted();
  const source = month.record;
  const service = await createCampaign(statePaths(site.stateDir), {
    name: options.name,
    months: source.months,
    planId: source.planId,
    // Nodes read only what lies below the directory that they are told at their start.
    config: { ...site, snapshot: { ...site.snapshot, repository: dirname(month.repository) } },
    serves: {
      // A service of a service serves what that one does.
      campaign: source.serves?.campaign ?? source.id,
      snapshot: month.snapshot,
      repository: month.repository,
      until: options.until,
    },
  });
  try {
    await copyFile(month.paths.plan, service.paths.plan);
    await copyFile(month.paths.ledger, service.paths.ledger);
    signal.throwIfAborted();
  } catch (error) {
    await discardCampaign(service.paths);
    throw error;
  }
  return service;
}
