/** Files of one kind that have to be loaded. */
export interface FileGroup {
  readonly count: number;
  /** Decompressed bytes of each. */
  readonly bytes: number;
  readonly packed: boolean;
  /** To so many indices the documents of one of its chunks go; 1 for a file of a day. */
  readonly indicesPerChunk: number;
}

/** What a parser takes: a chunk, or several of a large month that are played as one. */
export interface Unit {
  readonly bytes: number;
  readonly chunks: number;
  /** Of the indices that its documents go to, the first; the others follow it. */
  readonly firstIndex: number;
  readonly indices: number;
  /** Chunks that a parser would take one after the other and that are played as one; each of its requests stands for as many. */
  readonly together: number;
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
  /** What is played as one: see `togetherFor`. */
  readonly together: Together;
}

/** How many chunks are played as one. */
export interface Together {
  /** Of those that fill a bulk request or more each: their requests stand for as many. */
  readonly large: number;
  /** Whether small ones are, as many as make one bulk request together. */
  readonly small: boolean;
}

/** Most small chunks in one slot of a parser: `MOST_IN_SLOT` of `worker/admission.ts`. */
const MOST_IN_SLOT = 32;

/** More units of large files make a simulation slower and its result no better, as long as each slot gets many. */
const ENOUGH_UNITS = 4000;
const ENOUGH_FOR_SLOT = 50;

/** Bytes of the chunks that a file is cut into, its last one apart. */
function chunkOf(group: Pick<FileGroup, "bytes">, { chunkBytes }: Pick<Cutting, "chunkBytes">): number {
  return Math.min(chunkBytes, group.bytes);
}

/** Which chunks to play as one, so that a month of terabytes, or of a million small files, is played in the time of one of gigabytes. */
export function togetherFor(
  files: readonly FileGroup[],
  sizes: Pick<Cutting, "chunkBytes" | "bulkBytes">,
  slots: number,
): Together {
  const chunks = { large: 0, small: 0 };
  for (const group of files) {
    const kind = chunkOf(group, sizes) >= sizes.bulkBytes ? "large" : "small";
    chunks[kind] += group.count * Math.ceil(group.bytes / sizes.chunkBytes);
  }
  const enough = Math.max(ENOUGH_UNITS, ENOUGH_FOR_SLOT * slots);
  return { large: Math.max(1, Math.ceil(chunks.large / enough)), small: chunks.small > enough };
}

/** Slots of a parser that a unit takes while it is in work, 1 at most. */
export function slotsOf(
  { bytes, chunks }: Pick<Unit, "bytes" | "chunks">,
  { bulkBytes }: Pick<Cutting, "bulkBytes">,
): number {
  return Math.min(1, chunks * Math.max(bytes / chunks / bulkBytes, 1 / MOST_IN_SLOT));
}

/** The units of a file of so many bytes, or of several alike; they begin at the given index. */
function* unitsOf(group: FileGroup, cutting: Cutting): Generator<Omit<Unit, "firstIndex">> {
  const { chunkBytes, bulkBytes, indices, together } = cutting;
  const spread = Math.max(1, Math.min(indices, Math.round(group.indicesPerChunk)));
  const each = chunkOf(group, cutting);
  if (each >= bulkBytes || !together.small) {
    const atOnce = each >= bulkBytes ? together.large : 1;
    for (let file = 0; file < group.count; file++) {
      for (let at = 0; at < group.bytes; at += chunkBytes * atOnce) {
        const bytes = Math.min(chunkBytes * atOnce, group.bytes - at);
        const chunks = Math.ceil(bytes / chunkBytes);
        yield { bytes, chunks, indices: spread, together: chunks, ordered: true };
      }
    }
    return;
  }
  const inUnit = Math.max(1, Math.min(MOST_IN_SLOT, Math.floor(bulkBytes / Math.max(1, each))));
  const all = group.count * Math.ceil(group.bytes / chunkBytes);
  const bytes = (group.count * group.bytes) / all;
  for (let at = 0; at < all; at += inUnit) {
    const chunks = Math.min(inUnit, all - at);
    const spans = Math.min(indices, spread * chunks);
    yield { bytes: chunks * bytes, chunks, indices: spans, together: 1, ordered: chunks === 1 };
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
