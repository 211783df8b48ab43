import type { ReadableFormat } from "../contract/archive-format.ts";

/** A file inside an archive, as the archive lists it. */
export interface ListedMember {
  /** Its path inside the archive; empty for a file that holds nothing but itself. */
  readonly member: string;
  /** Bytes after decompression; absent where only reading tells (gzip). */
  readonly size?: number;
}

/**
 * What a source delivers, in order: each member's beginning, its bytes, and where it broke off.
 * No piece is split between members.
 */
export type SourcePiece =
  | { readonly kind: "member"; readonly index: number }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /**
   * The member that began last is damaged: the bytes before this piece are all of it. The next piece, if
   * any, begins another member.
   */
  | { readonly kind: "broken"; readonly problem: string };

/** Is told when reading waits for bytes of the archive, and what it gets ends the waiting. */
export interface Waiting {
  begin(): () => void;
}

/**
 * How one format of files is read. Formats are recognised by content, see `index.ts`.
 *
 * The pieces are the same on every reading of the same file, also of a damaged one: chunk ids and document ids
 * are made of the offsets in them.
 */
export interface Source {
  readonly format: ReadableFormat;
  /**
   * The members in the order in which `open` delivers them. Absent: there is one, of unknown size.
   * @throws DataError when the file is encrypted, cannot be opened or lists nothing sensible
   */
  list?(file: string, signal: AbortSignal): Promise<readonly ListedMember[]>;
  /**
   * Reads the file once, from its beginning. Memory is bounded by a few buffers; the consumer's pace is kept.
   * @param waiting for the file's bytes, as far as can be told
   * @throws DataError `FILE_MISSING`, `FILE_UNREADABLE`, and those of `list`. Damage inside is a piece, not an error.
   */
  open(file: string, signal: AbortSignal, waiting?: Waiting): AsyncGenerator<SourcePiece, void, undefined>;
}
