/**
 * The first word of a message: what lines are grouped by that no pattern reads. It is the first run of letters, digits, `_`, `-`, `.`
 * and `/` that begins with a letter or `_`, as a program would have it written down: a run that begins with a digit (a time, an id,
 * an address) is passed over, digits in a word become one `#` for each run of them, and `-`, `.` and `/` at its ends are none of it.
 * So `[12345.678] eth0: link up` and `[9.1] eth1: link down` are both `eth#`.
 */

/** Most bytes of a word. */
export const LONGEST_WORD = 32;
/** It is looked for in so many bytes; there is none behind. */
export const SEARCHED_BYTES = 256;

const NONE = 0;
const LETTER = 1;
const DIGIT = 2;
const JOINT = 3;
const HASH = 35;

/** What a byte is in a word; bytes of characters that are not ASCII are letters. */
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (byte >= 0x80 || /[A-Za-z_]/.test(character)) return LETTER;
  return /\d/.test(character) ? DIGIT : /[-./]/.test(character) ? JOINT : NONE;
});

/** Finds first words, one after the other, in the same room. */
export class FirstWord {
  readonly bytes = Buffer.alloc(LONGEST_WORD);
  /** 0: there is none. */
  length = 0;

  /** @param src valid UTF-8 in `[start, end)` */
  find(src: Uint8Array, start: number, end: number): void {
    const limit = Math.min(end, start + SEARCHED_BYTES);
    this.length = 0;
    let at = start;
    for (; at < limit; at++) {
      const of = CLASS[src[at]!];
      if (of === LETTER) break;
      if (of === DIGIT) while (at + 1 < limit && CLASS[src[at + 1]!] !== NONE) at++;
    }
    this.#take(src, at, limit);
    while (this.length > 0 && CLASS[this.bytes[this.length - 1]!] === JOINT) this.length--;
  }

  get text(): string {
    return this.bytes.toString("utf8", 0, this.length);
  }

  #take(src: Uint8Array, start: number, limit: number): void {
    const { bytes } = this;
    for (let at = start; at < limit;) {
      const byte = src[at]!;
      if (CLASS[byte] === NONE) return;
      const size = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      const isDigit = CLASS[byte] === DIGIT;
      if (isDigit && bytes[this.length - 1] === HASH && this.length > 0) {
        at++;
        continue;
      }
      if (this.length + size > LONGEST_WORD || at + size > limit) return;
      bytes[this.length++] = isDigit ? HASH : byte;
      for (let i = 1; i < size; i++) bytes[this.length++] = src[at + i]!;
      at += size;
    }
  }
}
