import { convertCapture, type CaptureType } from "../grok/capture-type.ts";
import type { JsonWriter } from "../parsers/json-writer.ts";
import { isIpAddress } from "../parsers/ip-address.ts";

/** Parts of generated code that are too large to stand in it everywhere. */

export { isIpAddress };

/** A whole number has at most this many digits when it is certain to be what JSON.stringify writes of it. */
const CERTAIN_DIGITS = 15;

/** The text `[start, end)` as `int` and `long` take it. Room for it must be there. */
export function writeWholeNumber(writer: JsonWriter, src: Buffer, start: number, end: number): void {
  const length = end - start;
  let plain = length <= CERTAIN_DIGITS && (src[start] !== 48 || length === 1);
  for (let at = start; plain && at < end; at++) plain = src[at]! >= 48 && src[at]! <= 57;
  if (!plain) return writeConverted(writer, src, start, end, "int");
  const { buffer } = writer;
  let to = writer.at;
  for (let at = start; at < end; at++) buffer[to++] = src[at]!;
  writer.at = to;
}

/** The text `[start, end)` as a value of the type. */
export function writeConverted(writer: JsonWriter, src: Buffer, start: number, end: number, type: CaptureType): void {
  const text = src.toString("utf8", start, end);
  writer.json(JSON.stringify(convertCapture(text, type, () => false)));
}

/** Whether the text `[start, end)` is the word that conditions take for false. */
export function isFalse(src: Uint8Array, start: number, end: number): boolean {
  return (
    end - start === 5 &&
    src[start] === 102 &&
    src[start + 1] === 97 &&
    src[start + 2] === 108 &&
    src[start + 3] === 115 &&
    src[start + 4] === 101
  );
}
