/**
 * Of a longer line only this much is held; the rest is read over. It is more than a parser looks at (16 MiB), so that nothing but the
 * memory changes.
 */
export const HELD_LINE_BYTES = 32 * 1024 * 1024;

const LF = 10;
const CR = 13;

/**
 * The lines of a stream, as many at a time as have come: they end with LF or CR LF, the last one also without. Holds one line
 * and one piece of the input.
 */
export async function* linesOf(
  pieces: AsyncIterable<Uint8Array>,
  heldLineBytes: number = HELD_LINE_BYTES,
): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  let begun: Uint8Array[] = [];
  let held = 0;
  const hold = (part: Uint8Array): void => {
    const kept = part.subarray(0, heldLineBytes - held);
    if (kept.length > 0) begun.push(kept);
    held += kept.length;
  };
  for await (const piece of pieces) {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let end; (end = piece.indexOf(LF, start)) >= 0; start = end + 1) {
      hold(piece.subarray(start, end));
      const line = begun.length === 1 ? begun[0]! : Buffer.concat(begun);
      lines.push(line.at(-1) === CR ? line.subarray(0, -1) : line);
      begun = [];
      held = 0;
    }
    hold(piece.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (held > 0) yield [Buffer.concat(begun)];
}
