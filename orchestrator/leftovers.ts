import type { LedgerRow } from "../worker/contract/ledger.ts";
import { clusterOf, type CampaignContext } from "./context.ts";
import type { FailedJob } from "./spool.ts";

/**
 * Deletes what was written by attempts that were not committed, and leaves the indices closed for writing: when it returns, no such document is
 * there, and none can come. For the end of a load, when parsers are gone and their credential holds nowhere.
 *
 * A parser without its lock, on a node that was cut off, may have sent a bulk before that, which is still on its way. Elasticsearch answers the
 * request for a block when the writes that it had let in are done, and refuses those that come later; so what is to be found is looked for
 * behind the block. Only deleting lifts it, and then all of it is done again.
 * @returns how many documents were deleted
 */
export async function removeLeftovers(
  ctx: Pick<CampaignContext, "cluster" | "redis" | "keys" | "spool">,
  indices: readonly string[],
  failed: readonly FailedJob[],
  signal: AbortSignal,
): Promise<number> {
  const cluster = clusterOf(ctx);
  for (let removed = 0; ;) {
    signal.throwIfAborted();
    await cluster.blockWrites(indices);
    await cluster.refresh(indices);
    const tags = await uncommittedTags(ctx);
    const left = await cluster.countByAttempts(indices, tags);
    const ranges = [];
    for (const { chunk } of failed) {
      if (!chunk) continue;
      const { origin, range } = chunk;
      const [documents = 0] = await cluster.countsByRange(indices, origin.path, [[range.start, range.end]]);
      if (documents > 0) ranges.push({ file: origin.path, range: [range.start, range.end] as const });
    }
    if (left === 0 && ranges.length === 0) return removed;
    await cluster.allowWrites(indices);
    removed += await cluster.deleteByAttempts(indices, tags);
    for (const { file, range } of ranges) removed += await cluster.deleteRange(indices, file, range);
  }
}

/**
 * Tags of attempts that the ledger does not name.
 * @param onRow is told of each row of that ledger: whoever needs both must not read it once more, since more is committed meanwhile
 */
export async function uncommittedTags(
  { redis, keys, spool }: Pick<CampaignContext, "redis" | "keys" | "spool">,
  onRow?: (row: LedgerRow) => void,
): Promise<readonly string[]> {
  // Before the ledger: whatever is committed of these by then is named by it.
  const tags = new Set(await redis.hkeys(keys.attempts));
  if (tags.size === 0 && !onRow) return [];
  for await (const row of spool.rows()) {
    if (row.tag !== undefined) tags.delete(row.tag);
    onRow?.(row);
  }
  return [...tags];
}
