import type { DocumentDifferences } from "./compare-documents.ts";

/** What `verify --deep` found. Chunks that are as they should be are counted, all others named. */
export interface DeepComparison {
  readonly files: number;
  readonly chunks: number;
  /** Documents that the archive makes, compared one by one. */
  readonly documents: number;
  readonly differences: readonly ChunkDifference[];
  /** What of the archive is not as it was loaded, so that nothing can be said of documents. */
  readonly archive: readonly ArchiveDifference[];
}

/** Documents of a chunk that are not those that its lines make, or documents where no chunk is. */
export interface ChunkDifference {
  /** Absent of documents that lie in no chunk's range. */
  readonly chunk?: string;
  /** Absent of documents that say no file. */
  readonly file?: string;
  readonly range?: readonly [first: number, last: number];
  readonly missing: number;
  readonly extra: number;
  readonly altered: number;
  /** Fields that differ, with the number of documents in which they do. */
  readonly fields: Readonly<Record<string, number>>;
  /** Where the first of these documents stands. */
  readonly offset: number;
  /** Whether nothing of it is left after `--repair`; absent without. */
  readonly repaired?: boolean;
}

export interface ArchiveDifference {
  readonly file: string;
  readonly chunk?: string;
  readonly problem: string;
}

/** Sums of what was found, and where it begins. */
export function summaryOf(found: DocumentDifferences): Omit<ChunkDifference, "chunk" | "file" | "range"> {
  const fields: Record<string, number> = {};
  for (const name of found.altered.flatMap((one) => one.fields)) fields[name] = (fields[name] ?? 0) + 1;
  const offsets = [
    ...found.missing.map(({ offset }) => offset),
    ...found.extra.map(({ offset }) => offset),
    ...found.altered.map(({ expected }) => expected.offset),
  ];
  return {
    missing: found.missing.length,
    extra: found.extra.length,
    altered: found.altered.length,
    fields,
    offset: offsets.reduce((least, offset) => Math.min(least, offset), Infinity),
  };
}

export function isWhole({ missing, extra, altered }: DocumentDifferences): boolean {
  return missing.length + extra.length + altered.length === 0;
}

/** A line for people. */
export function differenceText(difference: ChunkDifference): string {
  const { chunk, file, range, missing, extra, altered, fields, offset, repaired } = difference;
  const bytes = range ? `, bytes ${String(range[0])} to ${String(range[1])}` : "";
  const where = chunk === undefined ? `in no chunk (${file ?? "no file"})` : `chunk ${chunk} (${file ?? ""}${bytes})`;
  const names = Object.entries(fields).map(([name, n]) => `${name} in ${String(n)}`);
  const what = [
    ...(missing > 0 ? [`${String(missing)} missing`] : []),
    ...(extra > 0 ? [`${String(extra)} that no line makes`] : []),
    ...(altered > 0 ? [`${String(altered)} altered (${names.join(", ")})`] : []),
  ];
  const end = repaired === undefined ? "" : repaired ? ": repaired" : ": not repaired";
  return `${where}: ${what.join(", ")}; the first at offset ${String(offset)}${end}`;
}

export function archiveText({ file, chunk, problem }: ArchiveDifference): string {
  return `${file}${chunk === undefined ? "" : `, chunk ${chunk}`}: ${problem}`;
}
