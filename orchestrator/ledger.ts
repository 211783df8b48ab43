import { addCounts, ZERO_COUNTS, type Counts, type LedgerRow } from "../worker/contract/ledger.ts";
import { linesOf } from "../worker/contract/parse-counts.ts";
import type { UnpackedFile } from "../worker/contract/chunk.ts";
import { addRecord, replayProblems, withReplays } from "./replay/sums.ts";

/** The sums and proofs over ledger rows. Pure. */

export interface LedgerTotals {
  readonly chunks: number;
  readonly counts: Counts;
  readonly perIndex: Readonly<Record<string, number>>;
  readonly droppedBy: Readonly<Record<string, number>>;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly unparsedBy: Readonly<Record<string, number>>;
  readonly parseCpuMicros: number;
}

/** Sums over the rows of chunks and of replays; a chunk and its replays are one of `chunks`. */
export function totalOf(rows: Iterable<LedgerRow>): LedgerTotals {
  let counts = ZERO_COUNTS;
  let chunks = 0;
  let parseCpuMicros = 0;
  const perIndex: Record<string, number> = {};
  const droppedBy: Record<string, number> = {};
  const rejectedBy: Record<string, number> = {};
  const unparsedBy: Record<string, number> = {};
  for (const row of withReplays(rows)) {
    chunks += 1;
    counts = addCounts(counts, row.counts);
    parseCpuMicros += row.parseCpuMicros;
    addRecord(perIndex, row.perIndex);
    addRecord(droppedBy, row.droppedBy);
    addRecord(rejectedBy, row.rejectedBy);
    addRecord(unparsedBy, row.unparsedBy);
  }
  return { chunks, counts, perIndex, droppedBy, rejectedBy, unparsedBy, parseCpuMicros };
}

/** Rows whose own sums do not add up (invariant 4), and replays that do not fit what they have taken; or an empty list. */
export function unbalancedRows(rows: readonly LedgerRow[]): string[] {
  const problems = replayProblems(rows);
  for (const { chunk, counts, perIndex, parses } of rows) {
    if (counts.read !== counts.written + counts.duplicate + counts.dropped + counts.rejected) {
      problems.push(
        `chunk ${chunk}: read ${String(counts.read)} ≠ written ${String(counts.written)} + duplicate ${String(counts.duplicate)} + dropped ${String(counts.dropped)} + rejected ${String(counts.rejected)}`,
      );
    }
    const indexed = Object.values(perIndex).reduce((sum, n) => sum + n, 0);
    if (indexed !== counts.written + counts.duplicate) {
      problems.push(
        `chunk ${chunk}: ${String(indexed)} documents by index ≠ ${String(counts.written + counts.duplicate)} written or duplicate`,
      );
    }
    const byProgram = parses?.programs.reduce((sum, program) => sum + linesOf(program), 0);
    if (byProgram !== undefined && byProgram !== counts.read) {
      problems.push(`chunk ${chunk}: ${String(byProgram)} lines by program ≠ ${String(counts.read)} read`);
    }
  }
  return problems;
}

/** A file that the plan names, with its length after decompression as planning or unpacking knows it. */
export interface ExpectedFile {
  readonly fileId: string;
  readonly path: string;
  readonly length: number;
}

/**
 * The tiling of each file (invariant 5): the ranges that its committed chunks covered join without gap or
 * overlap from 0 to its length. Sums alone cannot see a line that nobody read.
 * @returns one line per gap or overlap
 */
export function tilingProblems(files: Iterable<ExpectedFile>, rows: Iterable<LedgerRow>): string[] {
  const covered = new Map<string, (readonly [number, number, string])[]>();
  for (const row of rows) {
    const list = covered.get(row.fileId) ?? [];
    list.push([row.covered[0], row.covered[1], row.chunk]);
    covered.set(row.fileId, list);
  }
  const problems: string[] = [];
  for (const file of files) {
    const list = (covered.get(file.fileId) ?? []).filter(([first, last]) => last > first).sort((a, b) => a[0] - b[0]);
    covered.delete(file.fileId);
    let at = 0;
    for (const [first, last, chunk] of list) {
      if (first > at) problems.push(`${file.path}: bytes ${String(at)} to ${String(first)} were not read`);
      if (first < at) problems.push(`${file.path}: chunk ${chunk} reads bytes ${String(first)} to ${String(at)} again`);
      at = Math.max(at, last);
    }
    if (at < file.length) problems.push(`${file.path}: bytes ${String(at)} to ${String(file.length)} were not read`);
    if (at > file.length) {
      problems.push(`${file.path}: read up to byte ${String(at)}, beyond its length ${String(file.length)}`);
    }
  }
  for (const [fileId, list] of covered) {
    problems.push(`chunks of a file that the plan does not know: ${fileId} (${String(list.length)} chunks)`);
  }
  return problems;
}

/** By file id, the offset up to which the rows cover the file from its start without a gap. */
export function coveredFrom0(rows: Iterable<LedgerRow>): ReadonlyMap<string, number> {
  const ranges = new Map<string, (readonly [number, number])[]>();
  for (const { fileId, covered } of rows) ranges.set(fileId, [...(ranges.get(fileId) ?? []), covered]);
  const ends = new Map<string, number>();
  for (const [fileId, list] of ranges) {
    let end = 0;
    for (const [first, last] of list.sort((a, b) => a[0] - b[0])) if (first <= end) end = Math.max(end, last);
    ends.set(fileId, end);
  }
  return ends;
}

/** The lengths that unpacking reported, by file id. */
export function unpackedLengths(
  results: Iterable<{ readonly files: readonly UnpackedFile[] }>,
): Map<string, UnpackedFile> {
  const files = new Map<string, UnpackedFile>();
  for (const result of results) for (const file of result.files) files.set(file.fileId, file);
  return files;
}
