import type { Chunk, Origin, Unpack, UnpackResult } from "./chunk.ts";
import type { EncodedBatch } from "./pipeline.ts";
import type { RejectedDocument } from "./rejected-document.ts";

/** A chunk that was read from the archive and parsed once more. */
export interface RecomputedChunk {
  readonly id: string;
  /** The bytes of its lines, `[first, last)`, and their SHA-256, as a ledger row has them. */
  readonly covered: readonly [first: number, last: number];
  readonly sha256: string;
  /** Of a plain file: how long it is today. */
  readonly fileLength?: number;
  /** Its documents, in the order of its lines. */
  readonly batches: readonly EncodedBatch[];
}

/** What `worker/` has for comparing a store with the archive: a campaign's chunks once more, by its own rules, on this machine. */
export interface Recompute {
  /** Hash of the rules' pipeline; a plan that pins another one was made by another version. */
  readonly hash: string;
  /**
   * A chunk of a plain file. The file may have another size and date than was planned: the digest tells whether its bytes are the same.
   * @throws DataError `FILE_MISSING`, `FILE_UNREADABLE`, `FILE_READ_FAILED`
   */
  plain(chunk: Chunk): Promise<RecomputedChunk>;
  /**
   * The wanted chunks of a compressed file, in its order, no faster than `take` takes them.
   * @throws DataError as `plain`, and `ARCHIVE_…`
   */
  packed(
    unpack: Unpack,
    wanted: (chunkId: string) => boolean,
    take: (chunk: RecomputedChunk) => Promise<void>,
    signal: AbortSignal,
  ): Promise<UnpackResult>;
  /** What a replay makes of rejected documents of one file: their lines once more, without those of which it can make nothing. */
  replayed(rejected: readonly RejectedDocument[], origin: Origin): readonly EncodedBatch[];
}
