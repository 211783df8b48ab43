import { stat } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "../../worker/contract/errors.ts";
import { loadCampaign, type CampaignRecord } from "../campaign-store.ts";
import { readLedger } from "../ledger-export.ts";
import { totalOf } from "../ledger.ts";
import type { CampaignPaths } from "../paths.ts";
import { campaignStatus, readReport } from "../status.ts";

/** What a campaign has saved, from its directory alone: so it can be had long after its cluster is gone. */
export interface SavedMonth {
  readonly record: CampaignRecord;
  readonly paths: CampaignPaths;
  readonly snapshot: string;
  /** Directory of its snapshot repository. */
  readonly repository: string;
  /** Documents by index, as the exported ledger has them. */
  readonly perIndex: Readonly<Record<string, number>>;
}

/** @throws ConfigError `CAMPAIGN_UNKNOWN`; StoreError `NOTHING_SAVED` for a campaign that has no verified snapshot */
export async function savedMonth(stateDir: string, id: string): Promise<SavedMonth> {
  const { record, paths } = await loadCampaign(stateDir, id);
  const report = await readReport(paths.reportJson);
  const rows = await readLedger(paths.ledger).catch(() => undefined);
  if (!report?.snapshot?.verified || !rows) {
    const { state } = await campaignStatus(stateDir, id);
    throw new StoreError(
      "NOTHING_SAVED",
      `campaign ${id} is ${state} and has no verified snapshot; only a finished month can be brought back, \`gridharvest list\` shows which are`,
    );
  }
  const { name: snapshot, repository } = report.snapshot;
  return { record, paths, snapshot, repository, perIndex: totalOf(rows).perIndex };
}

/**
 * Looks whether the repository's directory still holds a repository, before nodes are asked for.
 * @throws StoreError `SNAPSHOT_GONE`
 */
export async function checkRepository(month: SavedMonth): Promise<void> {
  try {
    await stat(join(month.repository, "index.latest"));
  } catch (cause) {
    // A directory that belongs to Elasticsearch's user may not let us look: then Elasticsearch says what it finds.
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") return;
    throw new StoreError(
      "SNAPSHOT_GONE",
      `the snapshot ${month.snapshot} of campaign ${month.record.id} is not in ${month.repository} any more; put the directory back where it was, or load the month again`,
      { cause },
    );
  }
}
