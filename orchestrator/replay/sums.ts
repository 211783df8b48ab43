import { addCounts, ZERO_COUNTS, type Counts, type LedgerRow, type ReplayOf } from "../../worker/contract/ledger.ts";

/** What replays of rejected documents mean for the ledger's sums. Pure. */

/** A ledger row of a replay. */
export type ReplayRow = LedgerRow & { readonly replay: ReplayOf };

export function isReplay(row: LedgerRow): row is ReplayRow {
  return row.replay !== undefined;
}

/** Adds the numbers of `more` to those of `into`, key by key. */
export function addRecord(into: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [key, n] of Object.entries(more)) into[key] = (into[key] ?? 0) + n;
}

/**
 * What a row adds to sums over rows of both kinds. The lines that a replay reads are counted already, as read and as rejected, and how they were
 * understood is the first reading's word: it only takes them from the rejected, and says what has become of them.
 */
export function countsIn({ counts, replay }: LedgerRow): Counts {
  if (!replay) return counts;
  return { ...counts, read: 0, bytes: 0, unparsed: 0, rejected: counts.rejected - counts.read };
}

/** The rows whose rejected documents no replay has taken: what they rejected is what is rejected in the end. */
export function lastWords(rows: readonly LedgerRow[]): readonly LedgerRow[] {
  const taken = new Set(rows.flatMap(({ replay }) => replay?.of ?? []));
  return rows.filter(({ chunk }) => !taken.has(chunk));
}

/**
 * One row for each chunk, with what its replays have made of it: `read = written + duplicate + dropped + rejected` holds for it, and its documents are those
 * that stand in Elasticsearch in its range. Rows that are folded already stay as they are.
 */
export function withReplays(rows: Iterable<LedgerRow>): readonly LedgerRow[] {
  const all = [...rows];
  const replays = Map.groupBy(all.filter(isReplay), ({ replay }) => replay.chunk);
  if (replays.size === 0) return all;
  const last = new Set(lastWords(all));
  const folded = all.filter((row) => !isReplay(row)).map((row) => fold([row, ...(replays.get(row.chunk) ?? [])], last));
  // Of a part of the ledger without their chunks: what they add.
  for (const { chunk } of folded) replays.delete(chunk);
  return [...folded, ...[...replays.values()].map((parts) => fold(parts, last))];
}

function fold(parts: readonly LedgerRow[], last: ReadonlySet<LedgerRow>): LedgerRow {
  const [{ replay, ...first }, ...others] = parts as readonly [LedgerRow, ...LedgerRow[]];
  if (others.length === 0 && !replay) return first;
  const perIndex: Record<string, number> = {};
  const droppedBy: Record<string, number> = {};
  for (const row of parts) {
    addRecord(perIndex, row.perIndex);
    addRecord(droppedBy, row.droppedBy);
  }
  const { rejects: _, ...rest } = first;
  const { rejectedBy = {}, rejects } = parts.find((row) => last.has(row)) ?? {};
  return {
    ...rest,
    counts: parts.map(countsIn).reduce(addCounts, ZERO_COUNTS),
    perIndex,
    droppedBy,
    rejectedBy,
    ...(rejects === undefined ? {} : { rejects }),
    millis: parts.reduce((sum, row) => sum + row.millis, 0),
    parseCpuMicros: parts.reduce((sum, row) => sum + row.parseCpuMicros, 0),
  };
}

/** Replays that do not fit what they have taken, a line each: each takes all that the committed attempt at one row has rejected, and nobody else does. */
export function replayProblems(rows: readonly LedgerRow[]): string[] {
  const byId = new Map(rows.map((row) => [row.chunk, row]));
  const taken = new Map<string, string>();
  const problems: string[] = [];
  for (const { chunk: id, counts, fileId, replay } of rows.filter(isReplay)) {
    const source = byId.get(replay.of);
    const before = taken.get(replay.of);
    taken.set(replay.of, id);
    if (before !== undefined)
      problems.push(`replay ${id}: ${before} has taken the rejected documents of ${replay.of}, too`);
    if (!source || !byId.has(replay.chunk) || source.fileId !== fileId) {
      problems.push(`replay ${id}: the ledger has no row ${replay.of} of its file`);
    } else if (source.attempt !== replay.attempt) {
      problems.push(
        `replay ${id}: it has taken what attempt ${String(replay.attempt)} at ${replay.of} had rejected, committed is attempt ${String(source.attempt)}`,
      );
    } else if (source.counts.rejected !== counts.read) {
      problems.push(
        `replay ${id}: ${String(counts.read)} documents taken ≠ ${String(source.counts.rejected)} that ${replay.of} had rejected`,
      );
    }
  }
  return problems;
}
