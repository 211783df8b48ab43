import { indexedDays, type YearMonth } from "../worker/contract/months.ts";
import type { Estimate } from "./estimate.ts";

/** How a day is split into shards. Pure. */

/** A shard beyond this is slow to move and to search. */
const LARGEST_SHARD_BYTES = 50 * 2 ** 30;
/** A day is not split into shards smaller than this, whatever the number of nodes. */
const SMALLEST_SHARD_BYTES = 2 ** 30;
/** Shards of one day at most: what a master and its cluster state bear with a month of them. */
const MOST_SHARDS = 32;
/** A split is good enough when nodes hold on average this share of what the fullest one holds. */
const EVEN_ENOUGH = 0.85;

/** Indices of some months: their days, those beside them, and what lies outside. */
export function indexCount(months: readonly YearMonth[]): number {
  return months.reduce((sum, month) => sum + indexedDays(month).length + 1, 0);
}

/** What nodes hold on average, as a share of what the fullest one holds, when so many shards are spread over them. */
export function evenness(shards: number, nodes: number): number {
  return shards / nodes / Math.ceil(shards / nodes);
}

/**
 * Shards of each day's index: one where a day is small; more where its shard would be too large, and where the days alone would leave data
 * nodes idle or some with twice as much to index as others, since the load goes through all days at once.
 */
export function shardsOfDay(
  months: readonly YearMonth[],
  dataNodes: number,
  estimate: Pick<Estimate, "indexBytes"> | undefined,
): number {
  const indices = indexCount(months);
  const dayBytes = (estimate?.indexBytes ?? 0) / indices;
  const least = Math.min(MOST_SHARDS, Math.max(1, Math.ceil(dayBytes / LARGEST_SHARD_BYTES)));
  const most = Math.min(MOST_SHARDS, Math.max(least, Math.floor(dayBytes / SMALLEST_SHARD_BYTES)));
  let best = least;
  for (let shards = least; shards <= most; shards++) {
    if (evenness(indices * shards, dataNodes) > evenness(indices * best, dataNodes)) best = shards;
    if (evenness(indices * best, dataNodes) >= EVEN_ENOUGH) break;
  }
  return best;
}

/**
 * Whether no node is loaded with two shards more than another: all of them are hot, since the load goes through all days at once.
 * @param held shards of those nodes that hold any
 */
export function isSpread(held: readonly number[], dataNodes: number): boolean {
  const least = held.length < dataNodes ? 0 : Math.min(...held);
  return Math.max(0, ...held) - least < 2;
}

/** A copy of a part of the indices is all that data nodes need room for while a snapshot is tried out. */
const RESTORED_SHARE = 1 / 4;

/** How many indices are restored at once to try a snapshot out: one after the other all data nodes but one would be idle. */
export function restoredAtOnce(indices: number, dataNodes: number): number {
  return Math.max(1, Math.min(dataNodes, Math.floor(indices * RESTORED_SHARE)));
}
