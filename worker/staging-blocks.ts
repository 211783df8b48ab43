/**
 * Cuts the bytes of one file, as they come, into the blocks of its chunks. Block n holds the lines whose first
 * byte lies in `[n·chunkBytes, (n+1)·chunkBytes)`, and nothing else: the same rule as for byte ranges of
 * plain files. Pure; holds no bytes.
 */

/** One block is complete. */
export interface BlockEnd {
  readonly kind: "end";
  readonly n: number;
  /** Offset of its first byte in the file. Where the range owns no line: the beginning of the range, with 0 bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly range: { readonly start: number; readonly end: number };
}

/** Bytes of the block that is open. */
export interface BlockBytes {
  readonly kind: "bytes";
  readonly bytes: Uint8Array;
}

const LF = 10;

/** See the head of this file. `push` all bytes in order, then `finish` once. */
export class BlockCutter {
  readonly #chunkBytes: number;
  /** The open block, where it begins, and how far the file was read. */
  #n = 0;
  #offset = 0;
  #position = 0;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
  }

  /** Bytes so far; after `finish` the file's length. */
  get length(): number {
    return this.#position;
  }

  /** How many chunks a file of the length so far has. */
  get chunks(): number {
    return Math.ceil(this.#position / this.#chunkBytes);
  }

  *push(bytes: Uint8Array): Generator<BlockBytes | BlockEnd, void, undefined> {
    const base = this.#position;
    this.#position += bytes.length;
    let from = 0;
    while (from < bytes.length) {
      // The block ends with the first line feed at or behind the last byte of its range.
      const search = Math.max(from, (this.#n + 1) * this.#chunkBytes - 1 - base);
      const lf = search < bytes.length ? bytes.indexOf(LF, search) : -1;
      if (lf < 0) {
        yield { kind: "bytes", bytes: bytes.subarray(from) };
        return;
      }
      yield { kind: "bytes", bytes: bytes.subarray(from, lf + 1) };
      yield this.#end(base + lf + 1);
      yield* this.#skipTo(Math.floor(this.#offset / this.#chunkBytes));
      from = lf + 1;
    }
  }

  /** The rest: the last block, whether or not its line has an end, and ranges behind it that own no line. */
  *finish(): Generator<BlockEnd, void, undefined> {
    if (this.#position > this.#offset) yield this.#end(this.#position);
    yield* this.#skipTo(this.chunks);
  }

  #end(at: number): BlockEnd {
    const end = this.#block(this.#offset, at - this.#offset);
    this.#n += 1;
    this.#offset = at;
    return end;
  }

  /** A line that is longer than a chunk leaves ranges without a line of their own. */
  *#skipTo(n: number): Generator<BlockEnd, void, undefined> {
    for (; this.#n < n; this.#n++) yield this.#block(this.#n * this.#chunkBytes, 0);
  }

  #block(offset: number, bytes: number): BlockEnd {
    const start = this.#n * this.#chunkBytes;
    return {
      kind: "end",
      n: this.#n,
      offset,
      bytes,
      range: { start, end: Math.min(start + this.#chunkBytes, this.#position) },
    };
  }
}
