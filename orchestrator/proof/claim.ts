import { join } from "node:path";
import type { UnpackedFile } from "../../worker/contract/chunk.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import { rejectsFileName, type RejectedDocument } from "../../worker/contract/rejected-document.ts";
import { withCampaignRedis } from "../campaign-redis.ts";
import type { CampaignRecord } from "../campaign-store.ts";
import { lostFiles } from "../file-problems.ts";
import { readJournal } from "../journal.ts";
import { tilingProblems, unpackedLengths } from "../ledger.ts";
import { readLedger } from "../ledger-export.ts";
import { campaignPaths, type CampaignPaths, type StatePaths } from "../paths.ts";
import { lengthOf, type Plan } from "../plan.ts";
import { rowsOf } from "../revisions/carried.ts";
import { readRejects } from "../reject-files.ts";
import { createSpool } from "../spool.ts";
import { isLoadSettled, viewOf } from "../view.ts";
import { readManifest } from "./manifest.ts";

/** What a campaign says that it has loaded. */
export interface Claim {
  readonly rows: readonly LedgerRow[];
  /** By file id, of the files that were loaded whole; undefined where nobody wrote it down. */
  readonly lengths: ReadonlyMap<string, number> | undefined;
  /** What was rejected of a row's chunk. @throws StoreError `REJECTS_MISSING` */
  rejected(row: LedgerRow): Promise<readonly RejectedDocument[]>;
}

export interface LoadedCampaign {
  readonly record: CampaignRecord;
  readonly paths: CampaignPaths;
  readonly state: StatePaths;
}

/**
 * What the campaign says of its load: the exported ledger and the manifest; of one that is held after its load, and may not have exported
 * them or have loaded again since, what the spool says.
 * @returns undefined when the load is not over
 */
export async function claimOf(campaign: LoadedCampaign, plan: Plan): Promise<Claim | undefined> {
  const { record, paths, state } = campaign;
  const view = viewOf((await readJournal(paths.journal)).records);
  if (view.state === "held" && !record.serves) {
    return isLoadSettled(view) ? await claimOfSpool(campaign, plan) : undefined;
  }
  const rows = await readLedger(paths.ledger).catch(() => undefined);
  if (!rows) return undefined;
  // Who only serves has no rejects of its own.
  const loaded = record.serves ? campaignPaths(state.campaigns, record.serves.campaign) : paths;
  const manifest = await readManifest(loaded.manifest);
  const ids = new Map(plan.files.map(({ origin }) => [origin.path, origin.fileId]));
  const lengths = manifest?.files.flatMap(({ path, length }) =>
    length === undefined ? [] : [[ids.get(path) ?? "", length] as const],
  );
  return {
    rows,
    lengths: lengths && new Map(lengths),
    rejected: ({ chunk }) => Array.fromAsync(readRejects(join(loaded.rejects, `${chunk}.ndjson`))),
  };
}

async function claimOfSpool(campaign: LoadedCampaign, plan: Plan): Promise<Claim> {
  return await withCampaignRedis(campaign, async (redis, keys) => {
    const spool = createSpool(redis, keys);
    const rows = await rowsOf({ paths: campaign.paths, spool });
    const unpacked: { files: readonly UnpackedFile[] }[] = [];
    for await (const result of spool.unpackResults()) unpacked.push(result);
    const lost = lostFiles(await spool.failed());
    await spool.disconnect();
    const lengthsOfPacked = unpackedLengths(unpacked);
    const lengths = new Map<string, number>();
    for (const file of plan.files) {
      const { fileId } = file.origin;
      const length = lengthOf(file, lengthsOfPacked);
      if (length !== undefined && !lost.has(fileId)) lengths.set(fileId, length);
    }
    const { rejects, staging } = campaign.paths;
    return {
      rows,
      lengths,
      rejected: async ({ chunk, attempt }) => {
        const all = (file: string) => Array.fromAsync(readRejects(file));
        const staged = join(staging, "rejects", rejectsFileName(chunk, attempt));
        // They may have been collected before it was held.
        return await all(staged).catch(() => all(join(rejects, `${chunk}.ndjson`)));
      },
    };
  });
}

/** Gaps and overlaps of the files that the claim knows as whole. */
export function tilingOf({ rows, lengths }: Claim, plan: Plan): string[] {
  if (!lengths) return [];
  const planned = new Set(plan.files.map(({ origin }) => origin.fileId));
  const files = plan.files.flatMap(({ origin: { fileId, path } }) => {
    const length = lengths.get(fileId);
    return length === undefined ? [] : [{ fileId, path, length }];
  });
  return tilingProblems(
    files,
    rows.filter(({ fileId }) => lengths.has(fileId) || !planned.has(fileId)),
  );
}
