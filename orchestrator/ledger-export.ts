import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "../worker/contract/errors.ts";
import type { LedgerRow } from "../worker/contract/ledger.ts";
import { rejectsFileName } from "../worker/contract/rejected-document.ts";
import type { CampaignPaths } from "./paths.ts";

/**
 * What of the spool outlives it: the ledger's rows, and the rejected documents of the attempts that they name. Both stand in the
 * campaign directory for ever.
 */

/** Writes the ledger, whole or not at all. */
export async function exportLedger(paths: CampaignPaths, rows: readonly LedgerRow[]): Promise<void> {
  const draft = `${paths.ledger}.tmp`;
  await writeFile(draft, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await rename(draft, paths.ledger);
}

/** Reads the exported ledger back. */
export async function readLedger(file: string): Promise<LedgerRow[]> {
  const text = await readFile(file, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LedgerRow);
}

/** Whether the ledger was exported. */
export function isExported(paths: CampaignPaths): Promise<boolean> {
  return exists(paths.ledger);
}

/**
 * Takes the rejects of committed attempts out of staging; those of other attempts go.
 * @returns the rejects files that rows name and nobody has
 */
export async function collectRejects(paths: CampaignPaths, rows: readonly LedgerRow[]): Promise<readonly string[]> {
  const from = join(paths.staging, "rejects");
  await mkdir(paths.rejects, { recursive: true });
  const missing: string[] = [];
  for (const row of rows) {
    if (row.counts.rejected === 0) continue;
    const target = join(paths.rejects, `${row.chunk}.ndjson`);
    const source = join(from, rejectsFileName(row.chunk, row.attempt));
    try {
      await rename(source, target);
    } catch {
      // A repeated step finds it moved already.
      if (!(await exists(target))) missing.push(source);
    }
  }
  const left = await readdir(from).catch(() => []);
  await Promise.all(left.map((name) => rm(join(from, name), { force: true })));
  return missing;
}

/** Undoes `collectRejects`: parsers see the staging space alone. */
export async function returnRejects(paths: CampaignPaths, rows: readonly LedgerRow[]): Promise<void> {
  const to = join(paths.staging, "rejects");
  await mkdir(to, { recursive: true });
  for (const { chunk, attempt, counts } of rows) {
    const [collected, target] = [join(paths.rejects, `${chunk}.ndjson`), join(to, rejectsFileName(chunk, attempt))];
    // What was not collected is there still.
    if (counts.rejected > 0 && !(await exists(target)) && (await exists(collected))) await rename(collected, target);
  }
}

/** @throws StoreError `REJECTS_MISSING` */
export function refuseMissing(missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw new StoreError(
    "REJECTS_MISSING",
    `rejected documents are missing: ${missing.slice(0, 3).join(", ")}${missing.length > 3 ? ` and ${String(missing.length - 3)} more files` : ""}; look at who removes files from the campaign's staging directory`,
  );
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
