import { DataError } from "../contract/errors.ts";

/**
 * Which lines of a file belong to a byte range, and how they reach the pipeline.
 *
 * A range owns the lines whose *first byte* lies in it. So its first owned line begins at `start` when
 * `start` is 0 or byte `start - 1` is a line feed, else behind the next line feed; its last owned line ends
 * with the first line feed at or after `end - 1`, or with the file. Ranges that tile a file therefore own
 * lines that tile it too: no byte is read twice as content, and none is left out.
 */

/** Random access to the bytes of a file after decompression. */
export interface RangeReader {
  /** Reads from `position` on into `target`: how many bytes. Fewer than fit are fine; none at all means that the file ends there. */
  read(position: number, target: Uint8Array): Promise<number>;
}

/** Whole lines on their way to the pipeline. */
export interface LineBlock {
  /**
   * Whole lines with their line ends; only the file's last may lack its own. It begins at byte 0 of an
   * ArrayBuffer that nobody else uses, which may be longer than the block and can be transferred.
   */
  readonly block: Uint8Array<ArrayBuffer>;
  /** So many bytes at the block's beginning stand before its lines in the file: for looking back, not to be parsed. */
  readonly lead: number;
  /** Offset of the first line, `block[lead]`, in what the reader reads. */
  readonly base: number;
  /**
   * Bytes of the file that the block stands for: the next block begins at `base + bytes`. It is `block.length - lead`
   * unless the block is one line of more than `HELD_LINE_BYTES`; the block is then the beginning of that line.
   */
  readonly bytes: number;
}

/**
 * Of a longer line only this much is held in memory; the rest is read over and counted. It is more than the
 * pipeline stores of a line (`KEPT_TEXT_BYTES`), so nothing but the memory changes.
 */
export const HELD_LINE_BYTES = 32 * 1024 * 1024;

const LF = 10;
/** How much is read at once in search of the end of a line; grows up to `LARGEST_STEP` for giant ones. */
const FIRST_STEP = 4096;
const LARGEST_STEP = 1 << 20;

/** At least so many bytes that nobody else uses. */
type Memory = (bytes: number) => ArrayBuffer;

const ownMemory: Memory = (bytes) => new ArrayBuffer(bytes);

/** How lines are framed, beside where they are. */
export interface BlockOptions {
  /** Other than `HELD_LINE_BYTES` for tests. */
  readonly heldLineBytes?: number | undefined;
  /** So much of what stands before each block comes with it, as far as there is any. Default 0. */
  readonly lookBackBytes?: number;
  /** Where blocks are read into. Default: new memory for each. */
  readonly memory?: Memory;
}

/**
 * The lines that `range` owns, in blocks of at most `blockBytes`, which is asked anew for each when it is a function; a longer line is a block of its own.
 *
 * Every byte of every owned line is in exactly one block. A range inside one giant line yields nothing.
 * The end of a block that cuts a line is read again with the next block: about one line in each.
 *
 * @param range bytes `[start, end)`; `end` may lie behind the end of the file
 * @param fileLength where the file ends, as the chunk states it: what was appended since is not read
 * @throws DataError `FILE_SHORTENED` when the file ends before `fileLength`
 */
export async function* ownedBlocks(
  reader: RangeReader,
  range: { readonly start: number; readonly end: number },
  fileLength: number,
  blockBytes: number | (() => number),
  { heldLineBytes = HELD_LINE_BYTES, lookBackBytes = 0, memory = ownMemory }: BlockOptions = {},
): AsyncGenerator<LineBlock, void, undefined> {
  const end = Math.min(range.end, fileLength);
  let position = await lineStart(reader, range.start, fileLength);
  while (position < end) {
    const lead = Math.min(position, lookBackBytes);
    const size = typeof blockBytes === "number" ? blockBytes : blockBytes();
    const wanted = lead + Math.min(size, end - position + FIRST_STEP);
    const head = await fill(reader, position - lead, wanted, fileLength, memory);
    const lines = head.subarray(lead);
    const whole = wholeLines(lines, end - position, position + lines.length === fileLength);
    const next =
      whole > 0
        ? { block: head.subarray(0, lead + whole), lead, base: position, bytes: whole }
        : await longLine(reader, position, lead, lines.length, fileLength, heldLineBytes, memory);
    yield next;
    position += next.bytes;
  }
}

/** The offset of the first line that begins at or after `position`, or the end of the file. */
export async function lineStart(reader: RangeReader, position: number, fileLength: number): Promise<number> {
  return position === 0 ? 0 : await lineEnd(reader, position - 1, fileLength);
}

/** How many of the first bytes of `head` are whole lines that begin before `owned`; 0 when the first line does not end in it. */
function wholeLines(head: Uint8Array, owned: number, atEndOfFile: boolean): number {
  if (head.length >= owned) {
    const last = head.indexOf(LF, owned - 1);
    if (last >= 0) return last + 1;
    if (atEndOfFile) return head.length;
  }
  return head.lastIndexOf(LF) + 1;
}

/** The line that begins at `base` and has no line feed in its first `headBytes`. */
async function longLine(
  reader: RangeReader,
  base: number,
  lead: number,
  headBytes: number,
  fileLength: number,
  heldLineBytes: number,
  memory: Memory,
): Promise<LineBlock> {
  const bytes = (await lineEnd(reader, base + headBytes, fileLength)) - base;
  const block = await fill(reader, base - lead, lead + Math.min(bytes, heldLineBytes), fileLength, memory);
  return { block, lead, base, bytes };
}

/** The offset behind the first line feed at or after `from`, or the end of the file. */
async function lineEnd(reader: RangeReader, from: number, fileLength: number): Promise<number> {
  for (let position = from, step = FIRST_STEP; position < fileLength; step = Math.min(step * 2, LARGEST_STEP)) {
    const bytes = await fill(reader, position, step, fileLength, ownMemory);
    const lf = bytes.indexOf(LF);
    if (lf >= 0) return position + lf + 1;
    position += bytes.length;
  }
  return fileLength;
}

/** The bytes `[position, position + length)`, or up to the end of the file, at the beginning of memory of their own. */
async function fill(
  reader: RangeReader,
  position: number,
  length: number,
  fileLength: number,
  memory: Memory,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = Math.min(length, fileLength - position);
  const bytes = new Uint8Array(memory(size), 0, size);
  for (let filled = 0; filled < bytes.length;) {
    const read = await reader.read(position + filled, bytes.subarray(filled));
    if (read === 0) {
      throw new DataError(
        "FILE_SHORTENED",
        `The file ends at byte ${position + filled}, but ${fileLength} bytes were planned: it changed after the plan was made. ` +
          "Plan the month again.",
        { context: { position: position + filled, fileLength } },
      );
    }
    filled += read;
  }
  return bytes;
}
