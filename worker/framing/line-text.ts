import { isUtf8 } from "node:buffer";
import type { LineFlaw } from "../contract/line-parser.ts";
import { KEPT_TEXT_BYTES, TAGS } from "../parsers/unparsed.ts";

/** The text of a line, and what is not as its bytes say. */
export interface LineText {
  readonly text: string;
  readonly flaws: readonly LineFlaw[];
}

/** The tags of flaws. */
export const FLAW_TAGS: Readonly<Record<LineFlaw, string>> = { "bad-utf8": TAGS.badUtf8, truncated: TAGS.truncated };

// A BOM is a character of the line.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decodes a line: U+FFFD for what is no UTF-8, and of a giant one only the beginning. */
export function lineText(line: Uint8Array): LineText {
  const truncated = line.length > KEPT_TEXT_BYTES;
  const kept = truncated ? line.subarray(0, characterBoundary(line, KEPT_TEXT_BYTES)) : line;
  const flaws: LineFlaw[] = [];
  if (!isUtf8(kept)) flaws.push("bad-utf8");
  if (truncated) flaws.push("truncated");
  return { text: decoder.decode(kept), flaws };
}

/** The position at or at most three before `at` where no character of UTF-8 is cut. */
function characterBoundary(line: Uint8Array, at: number): number {
  let boundary = at;
  while (at - boundary < 3 && (line[boundary]! & 0xc0) === 0x80) boundary--;
  return boundary;
}
