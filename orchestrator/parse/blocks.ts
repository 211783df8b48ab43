import { HELD_LINE_BYTES } from "./lines.ts";

/** Whole lines of an input, with their ends; only its last one may lack its own. */
export interface Block {
  readonly block: Uint8Array;
  /** Offset in the input. */
  readonly base: number;
  /** Bytes of the input that it stands for: more than its length when it is the beginning of one giant line. */
  readonly bytes: number;
}

const LF = 10;
const CR = 13;

/** The whole lines of each piece of an input, as soon as it has come. Holds one line and one piece. */
export async function* blocksOf(
  pieces: AsyncIterable<Uint8Array>,
  heldLineBytes: number = HELD_LINE_BYTES,
): AsyncGenerator<Block, void, undefined> {
  let begun: Uint8Array[] = [];
  let held = 0;
  let length = 0;
  let base = 0;
  const hold = (part: Uint8Array): void => {
    const kept = part.subarray(0, heldLineBytes - held);
    if (kept.length > 0) begun.push(kept);
    held += kept.length;
    length += part.length;
  };
  const take = (): Block => {
    const taken = { block: begun.length === 1 ? begun[0]! : Buffer.concat(begun), base, bytes: length };
    base += length;
    begun = [];
    held = length = 0;
    return taken;
  };
  for await (const piece of pieces) {
    let from = 0;
    if (length > 0) {
      // A line that is not held whole is a block of its own.
      const end = piece.indexOf(LF) + 1;
      if (length + (end > 0 ? end : piece.length) > heldLineBytes) {
        hold(piece.subarray(0, end > 0 ? end : piece.length));
        if (end === 0) continue;
        yield take();
        from = end;
      }
    }
    const last = piece.lastIndexOf(LF) + 1;
    if (last > from) {
      begun.push(piece.subarray(from, last));
      length += last - from;
      yield take();
      from = last;
    }
    hold(piece.subarray(from));
  }
  if (length > 0) yield take();
}

/** Blocks in parts of about so many bytes, as whole lines. */
export function partOf({ block, base, bytes }: Block, from: number, size: number): Block {
  const lf = block.indexOf(LF, Math.min(from + size - 1, block.length));
  const end = lf < 0 ? block.length : lf + 1;
  const rest = end === block.length ? bytes - block.length : 0;
  return { block: block.subarray(from, end), base: base + from, bytes: end - from + rest };
}

/** One line of an input, without its end. */
export interface Line {
  readonly line: Uint8Array;
  readonly offset: number;
  /** With its end. */
  readonly length: number;
}

/** The lines of a block. */
export function* linesIn({ block, base, bytes }: Block): Generator<Line, void, undefined> {
  for (let start = 0, next: number; start < block.length; start = next) {
    const lf = block.indexOf(LF, start);
    next = lf < 0 ? block.length : lf + 1;
    const end = lf < 0 ? next : lf > start && block[lf - 1] === CR ? lf - 1 : lf;
    const rest = next === block.length ? bytes - block.length : 0;
    yield { line: block.subarray(start, end), offset: base + start, length: next - start + rest };
  }
}
