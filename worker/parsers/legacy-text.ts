/**
 * Decodes a line that is not UTF-8 from the legacy encoding of its file.
 *
 * @param cut whether the line goes on behind the bytes: then a character that their end cuts is left out
 * @returns undefined when the bytes are none of the encoding; nothing is ever replaced
 */
export type LegacyDecoder = (bytes: Uint8Array, cut: boolean) => string | undefined;

/** @throws RangeError for an encoding that Node does not know; the configuration has been checked before */
export function legacyDecoder(encoding: string): LegacyDecoder {
  // One for each use: what a cut character leaves behind must not meet the next line.
  new TextDecoder(encoding);
  return (bytes, cut) => {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: cut });
    } catch {
      return undefined;
    }
  };
}
