import type { LedgerRow } from "../../worker/contract/ledger.ts";
import type { Cluster } from "../cluster.ts";
import { clusterOf, keepWarning, type CampaignContext } from "../context.ts";
import { pathsOf } from "../finish.ts";
import { uncommittedTags } from "../leftovers.ts";
import { bookedByFile, countsByChunk } from "../reconcile.ts";
import { withReplays } from "../replay/sums.ts";
import type { Spool } from "../spool.ts";
import { withTheirReplays } from "./consequences.ts";
import { untilStore } from "./until-store.ts";

/** What Elasticsearch had said to have, and does not have. */
export interface Missing {
  readonly chunks: readonly string[];
  readonly documents: number;
}

/** Chunks that the log names. */
const MOST_NAMED = 20;

/**
 * Has loaded again what the store lacks of committed chunks; for the time when everything is committed, while there are parsers to load it.
 * @returns how many chunks wait again
 * @throws the signal's reason; StoreError that will not pass by itself
 */
export async function reloadMissing(ctx: CampaignContext, signal: AbortSignal): Promise<number> {
  const { indexPattern: pattern, revision } = ctx.plan.pinned;
  let missing: Missing = { chunks: [], documents: 0 };
  const look = async (): Promise<true> => {
    const cluster = clusterOf(ctx);
    const indices = await cluster.indices({ pattern, revision });
    missing = await putBackMissing(ctx, { cluster, indices, paths: pathsOf(ctx) });
    return true;
  };
  await untilStore(ctx, look, signal);
  const { chunks, documents } = missing;
  if (chunks.length > 0) {
    const text = `Elasticsearch does not have ${String(documents)} documents that it had said to have; their ${String(chunks.length)} chunks are loaded again`;
    ctx.log.warn(text, { chunks: chunks.slice(0, MOST_NAMED).join(" ") });
    await keepWarning(ctx, text);
  }
  return chunks.length;
}

/**
 * Compares, and puts back.
 *
 * A 409 is no promise: it says that a document stands in a shard's memory. A bulk that failed because the disk was full, or whose answer was lost, may
 * have left it there and nowhere else, and the shard that then fails comes back without it. So what is in memory is written to disk before it is
 * counted. Where the store makes the ids, documents of attempts that were not committed stand beside those that are counted, and would make up for
 * what is missing: they do not count.
 * @source seen on Elasticsearch 8.19 with a disk that is full to the last byte: test/faults/store.test.ts
 */
export async function putBackMissing(
  ctx: Pick<CampaignContext, "redis" | "keys" | "spool">,
  {
    cluster,
    indices,
    paths,
  }: {
    readonly cluster: Cluster;
    readonly indices: readonly string[];
    /** File id → identity path, the value of the field `file`. */
    readonly paths: ReadonlyMap<string, string>;
  },
): Promise<Missing> {
  const rows: LedgerRow[] = [];
  const uncommitted = await uncommittedTags(ctx, (row) => rows.push(row));
  await cluster.flush(indices);
  await cluster.refresh(indices);
  const stored = await cluster.countsByFile(indices, uncommitted);
  const lacking: string[] = [];
  let documents = 0;
  for (const [path, booked] of bookedByFile(withReplays(rows), paths)) {
    if (stored.get(path)?.documents === booked.documents) continue;
    for (const { row, there, due } of await countsByChunk(cluster, indices, path, booked.rows, uncommitted)) {
      if (there >= due) continue;
      lacking.push(row.chunk);
      documents += due - there;
    }
  }
  const chunks = withTheirReplays(rows, lacking).map(({ chunk }) => chunk);
  await ctx.spool.putBack(chunks);
  return { chunks, documents };
}

/** The rows of what is committed in this campaign's spool. */
export async function spooledRows(spool: Pick<Spool, "rows">): Promise<readonly LedgerRow[]> {
  const rows: LedgerRow[] = [];
  for await (const row of spool.rows()) rows.push(row);
  return rows;
}
