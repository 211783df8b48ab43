import type { LedgerRow } from "../../worker/contract/ledger.ts";
import { liveJobs, type CampaignView } from "../view.ts";
import type { Shard } from "./record.ts";

/** What follows from the loss of primary shards. Pure. */

/** A primary shard as the cluster's state shows it. */
export interface PrimarySight extends Shard {
  /**
   * `works`; `lost`: no member has a copy of it; `waiting`: it is being looked for, recovered or restored, or no node may take it.
   */
  readonly state: "works" | "lost" | "waiting";
}

/**
 * Data nodes that worked, are not known to be gone, and are no members: what only they hold comes back with them. An
 * Elasticsearch that its agent starts again keeps its data.
 * @param members job names of the data nodes that the cluster has now
 */
export function awaitedNodes(
  view: CampaignView,
  members: Pick<ReadonlyMap<string, unknown>, "has">,
): readonly string[] {
  return liveJobs(view, "es-data")
    .filter((job) => job.upAt !== undefined && job.lost === undefined && !members.has(job.name))
    .map((job) => job.name);
}

/**
 * The rows of the chunks to load again: those with documents in an index of which a shard was lost. In which of an index's shards a document stood
 * is not in the row, so all chunks of the index are; what is still there comes back as duplicate. Replays of what one of them had rejected wait with
 * it: they take what its new attempt rejects.
 */
export function rowsToReload(rows: Iterable<LedgerRow>, lost: readonly Shard[]): readonly LedgerRow[] {
  const indices = new Set(lost.map(({ index }) => index));
  const all = [...rows];
  const isLost = ({ perIndex }: LedgerRow): boolean =>
    Object.entries(perIndex).some(([index, n]) => n > 0 && indices.has(index));
  return withTheirReplays(
    all,
    all.filter(isLost).map(({ chunk }) => chunk),
  );
}

/** The rows of these chunks, and those of the replays of what they had rejected. */
export function withTheirReplays(all: readonly LedgerRow[], chunks: Iterable<string>): readonly LedgerRow[] {
  const again = new Set(chunks);
  for (let before = -1; before !== again.size;) {
    before = again.size;
    for (const { chunk, replay } of all) if (replay && again.has(replay.of)) again.add(chunk);
  }
  return all.filter(({ chunk }) => again.has(chunk));
}

/** Which node gets which empty primary: always the one that holds the fewest shards by then. None without nodes. */
export function placesFor(
  shards: readonly Shard[],
  nodes: ReadonlyMap<string, { readonly shards: number }>,
): readonly (Shard & { readonly node: string })[] {
  const held = new Map([...nodes].map(([name, node]) => [name, node.shards]));
  return shards.flatMap(({ index, shard }) => {
    const [emptiest] = [...held].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
    if (!emptiest) return [];
    const [node, count] = emptiest;
    held.set(node, count + 1);
    return [{ index, shard, node }];
  });
}

/** The same shard as a text, for sets. */
export function shardKey({ index, shard }: Shard): string {
  return `${index}/${String(shard)}`;
}
