import { copyFile, cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import { writeFileAtomic } from "../campaign-store.ts";
import { refuseMissing } from "../ledger-export.ts";
import type { CampaignPaths } from "../paths.ts";
import { writeReplayRules } from "../replay/rules-file.ts";
import type { Spool } from "../spool.ts";
import type { EarlierLoad } from "./earlier.ts";

/**
 * The ledger rows that a revision takes over. They stand in the new campaign's directory before it begins, with the rejected documents
 * that they name and the rules that made their documents: so it needs nothing of the earlier one but the snapshot, and that only to begin.
 */

/** Writes all of it into the directory of a campaign that was just made. @throws StoreError `REJECTS_MISSING` */
export async function writeCarried(
  paths: CampaignPaths,
  earlier: EarlierLoad,
  rows: readonly LedgerRow[],
): Promise<void> {
  if (rows.length === 0) return;
  await writeFileAtomic(paths.carried, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeReplayRules(paths, earlier.plan.pinned.pipeline, earlier.plan.rules);
  // Of what that one had taken over or loaded again itself.
  await cp(earlier.paths.replays, paths.replays, { recursive: true, force: false }).catch(ifMissing);
  await mkdir(paths.rejects, { recursive: true });
  const missing: string[] = [];
  for (const { chunk, counts } of rows) {
    if (counts.rejected === 0) continue;
    const from = join(earlier.paths.rejects, `${chunk}.ndjson`);
    await copyFile(from, join(paths.rejects, `${chunk}.ndjson`)).catch((error: unknown) => {
      ifMissing(error);
      missing.push(from);
    });
  }
  refuseMissing(missing);
}

/** The rows that a campaign has taken over; none of one that loads a month for the first time. */
export async function carriedRows({ carried }: Pick<CampaignPaths, "carried">): Promise<LedgerRow[]> {
  const text = await readFile(carried, "utf8").catch(ifMissing);
  return (text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LedgerRow);
}

/** All rows of a campaign's ledger: those that it has taken over, and those of its own spool. */
export async function rowsOf(campaign: {
  readonly paths: Pick<CampaignPaths, "carried">;
  readonly spool: Pick<Spool, "rows">;
}): Promise<LedgerRow[]> {
  const rows = await carriedRows(campaign.paths);
  for await (const row of campaign.spool.rows()) rows.push(row);
  return rows;
}

function ifMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
