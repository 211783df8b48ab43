import type { RangeReader } from "../../worker/framing/lines.ts";

/** A reader of `content` whose reads are at most as long as `sizes` say, in turn; without any, as long as they can be. */
export function readerOf(content: Uint8Array, sizes: readonly number[] = []): RangeReader {
  let call = 0;
  return {
    read(position, target) {
      const size = Math.min(target.length, sizes[call++ % sizes.length] ?? Infinity);
      const read = content.subarray(position, position + size);
      target.set(read);
      return Promise.resolve(read.length);
    },
  };
}
