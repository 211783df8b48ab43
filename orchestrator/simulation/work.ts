/** Files of one kind that have to be loaded. */
export interface FileGroup {
  readonly count: number;
  /** Decompressed bytes of each. */
  readonly bytes: number;
  readonly packed: boolean;
  /** To so many indices the documents of one of its chunks go; 1 for a file of a day. */
  readonly indicesPerChunk: number;
}

/** What a parser takes at once: a chunk, or as many small ones as make one bulk request together. */
export interface Unit {
  readonly bytes: number;
  readonly chunks: number;
  /** Of the indices that its documents go to, the first; the others follow it. */
  readonly firstIndex: number;
  readonly indices: number;
  /** Whether its lines come in the order of their time, so that each bulk goes to a few of its indices only. */
  readonly ordered: boolean;
}

/** A compressed file. */
export interface Packed {
  readonly bytes: number;
  readonly indicesPerChunk: number;
}

/** How chunks are made and taken. */
export interface Cutting {
  readonly chunkBytes: number;
  readonly bulkBytes: number;
  readonly indices: number;
}

/** Most small chunks in one slot of a parser: `MOST_IN_SLOT` of `worker/admission.ts`. */
const MOST_IN_SLOT = 32;

/** The units of a file of so many bytes, or of several small files together; they begin at the given index. */
function* unitsOf(group: FileGroup, cutting: Cutting): Generator<Omit<Unit, "firstIndex">> {
  const { chunkBytes, bulkBytes, indices } = cutting;
  const spread = Math.max(1, Math.min(indices, Math.round(group.indicesPerChunk)));
  if (group.bytes >= bulkBytes) {
    for (let file = 0; file < group.count; file++) {
      for (let at = 0; at < group.bytes; at += chunkBytes) {
        yield { bytes: Math.min(chunkBytes, group.bytes - at), chunks: 1, indices: spread, ordered: true };
      }
    }
    return;
  }
  const inUnit = Math.max(1, Math.min(MOST_IN_SLOT, Math.floor(bulkBytes / Math.max(1, group.bytes))));
  for (let file = 0; file < group.count; file += inUnit) {
    const chunks = Math.min(inUnit, group.count - file);
    yield { bytes: chunks * group.bytes, chunks, indices: Math.min(indices, spread * chunks), ordered: chunks === 1 };
  }
}

/** Units of plain files, in an order that mixes the indices, as the spool has them. */
export function plainUnits(files: readonly FileGroup[], cutting: Cutting): Unit[] {
  const units: Unit[] = [];
  for (const group of files) {
    if (group.packed) continue;
    for (const unit of unitsOf(group, cutting)) units.push({ ...unit, firstIndex: units.length % cutting.indices });
  }
  return units;
}

/** Units that come out of one compressed file; `n` is its number. */
export function unpackedUnits(file: Packed, n: number, cutting: Cutting): Unit[] {
  const group = { ...file, count: 1, packed: false };
  return [...unitsOf(group, cutting)].map((unit, i) => ({ ...unit, firstIndex: (n + i) % cutting.indices }));
}

/** Files of like size, of one kind, together: a simulation of a million files then holds some hundred groups. */
export function groupFiles(files: Iterable<Omit<FileGroup, "count">>): FileGroup[] {
  const groups = new Map<string, { count: number; bytes: number; packed: boolean; indicesPerChunk: number }>();
  for (const { bytes, packed, indicesPerChunk } of files) {
    // Quarters of a doubling.
    const key = `${String(packed)} ${String(Math.round(Math.log2(Math.max(1, bytes)) * 4))} ${String(Math.round(indicesPerChunk))}`;
    const group = groups.get(key) ?? { count: 0, bytes: 0, packed, indicesPerChunk: Math.round(indicesPerChunk) };
    group.count++;
    group.bytes += bytes;
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({ ...group, bytes: group.bytes / group.count }));
}

/** Days of the longest month. */
const DAYS = 31;

/**
 * A month of so many bytes, of which nothing else is known: files of a day, or so many files that each go through the whole
 * month, so that a chunk of them holds several days.
 */
export function monthOf(
  bytes: number,
  shape: { readonly chunkBytes: number; readonly packed: boolean; readonly monthFiles?: number },
): readonly FileGroup[] {
  const { chunkBytes, packed, monthFiles } = shape;
  if (monthFiles === undefined) return [{ count: DAYS, bytes: bytes / DAYS, packed, indicesPerChunk: 1 }];
  const each = bytes / monthFiles;
  return [{ count: monthFiles, bytes: each, packed, indicesPerChunk: Math.min(DAYS, 1 + (DAYS * chunkBytes) / each) }];
}
