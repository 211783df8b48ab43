import type { LedgerRow } from "../worker/contract/ledger.ts";
import type { Cluster, FileCount } from "./cluster.ts";
import { totalOf } from "./ledger.ts";
import { withReplays } from "./replay/sums.ts";

/** What comparing the ledger with Elasticsearch found. */
export interface StoreComparison {
  readonly documents: number;
  readonly expected: number;
  /** One line per difference, down to the chunk. Empty when they agree. */
  readonly differences: readonly string[];
}

const NOTHING: FileCount = { documents: 0, placed: 0, first: null, last: null };

/**
 * Whether all that was found lies where the file's one chunk was read, and its number is right: most files of an archive are that small, and
 * need no search of their own.
 */
function isOfOneChunk(chunks: readonly LedgerRow[], { documents, placed, first, last }: FileCount): boolean {
  const [row, ...others] = chunks;
  if (!row) return documents === 0;
  const due = dueOf(row);
  const [from, to] = row.covered;
  return others.length === 0 && placed === due && documents === due && (first ?? from) >= from && (last ?? from) < to;
}

/** More differences than this are counted, not listed. */
const MOST_DIFFERENCES = 50;

/** Documents that stand in the store by a row's word. */
function dueOf({ counts }: LedgerRow): number {
  return counts.written + counts.duplicate;
}

/** What rows, with their replays, say of each file, by its identity path. */
export function bookedByFile(
  settled: readonly LedgerRow[],
  paths: ReadonlyMap<string, string>,
): ReadonlyMap<string, { readonly documents: number; readonly rows: readonly LedgerRow[] }> {
  const booked = new Map<string, { documents: number; rows: LedgerRow[] }>();
  for (const row of settled) {
    const path = paths.get(row.fileId) ?? row.fileId;
    const file = booked.get(path) ?? { documents: 0, rows: [] };
    file.documents += dueOf(row);
    file.rows.push(row);
    booked.set(path, file);
  }
  return booked;
}

/** Documents of one file's chunks: those that are there, but for attempts that do not count, and those that are by the ledger's word. */
export async function countsByChunk(
  cluster: Cluster,
  indices: readonly string[],
  path: string,
  chunks: readonly LedgerRow[],
  without: readonly string[] = [],
): Promise<readonly { readonly row: LedgerRow; readonly there: number; readonly due: number }[]> {
  const ranges = chunks.map((row) => row.covered);
  const inRange = await cluster.countsByRange(indices, path, ranges, without);
  return chunks.map((row, i) => ({ row, there: inRange[i] ?? 0, due: dueOf(row) }));
}

/**
 * Compares the ledger with what stands in Elasticsearch: by index, by file, and by chunk (its offset range): a document at a wrong offset
 * leaves the sums of its file as they were. The indices must have been refreshed.
 * @param paths file id → identity path, the value of the field `file`
 */
export async function compareWithStore(
  cluster: Cluster,
  indices: readonly string[],
  rows: readonly LedgerRow[],
  paths: ReadonlyMap<string, string>,
): Promise<StoreComparison> {
  const settled = withReplays(rows);
  const totals = totalOf(settled);
  const differences: string[] = [];
  const counts = await cluster.counts(indices);
  let documents = 0;
  let expected = 0;
  for (const index of new Set([...indices, ...Object.keys(totals.perIndex)])) {
    const stored = counts[index] ?? 0;
    const booked = totals.perIndex[index] ?? 0;
    documents += stored;
    expected += booked;
    if (stored !== booked)
      differences.push(`index ${index}: ${String(stored)} documents, the ledger has ${String(booked)}`);
  }

  const booked = bookedByFile(settled, paths);
  const stored = await cluster.countsByFile(indices);
  for (const [path, file] of booked) {
    const found = stored.get(path) ?? NOTHING;
    if (found.documents !== file.documents) {
      differences.push(`file ${path}: ${String(found.documents)} documents, the ledger has ${String(file.documents)}`);
    }
    const chunks = file.rows.filter((row) => row.covered[1] > row.covered[0]);
    if (isOfOneChunk(chunks, found)) continue;
    for (const { row, there, due } of await countsByChunk(cluster, indices, path, chunks)) {
      if (there !== due) {
        differences.push(
          `chunk ${row.chunk} (${path}, bytes ${String(row.covered[0])} to ${String(row.covered[1])}): ${String(there)} documents, the ledger has ${String(due)}`,
        );
      }
    }
    if (differences.length > MOST_DIFFERENCES) break;
  }
  for (const [path, { documents: found }] of stored) {
    if (!booked.has(path)) differences.push(`file ${path}: ${String(found)} documents, the ledger has none`);
  }
  if (differences.length > MOST_DIFFERENCES) {
    differences.splice(MOST_DIFFERENCES, differences.length, "… and more");
  }
  return { documents, expected, differences };
}
