const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;
const HEX = Buffer.from("0123456789abcdef");
/** Control characters with a short escape, as JSON.stringify has them; 0 elsewhere. */
const SHORT_ESCAPES = new Uint8Array(32);
for (const [byte, letter] of Object.entries({ 8: "b", 9: "t", 10: "n", 12: "f", 13: "r" })) {
  SHORT_ESCAPES[Number(byte)] = letter.charCodeAt(0);
}
/** The most that one byte of text becomes: `\u0000`. */
export const LARGEST_ESCAPE = 6;
/** From this length on looking at words and one native copy cost less than a loop that writes them (measured on Node 24). */
const LONG = 128;

/** A constant piece of output. */
export function piece(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** How many bytes of JSON a byte of text becomes. */
export const ESCAPED_LENGTH = new Uint8Array(256).map((_, byte) =>
  byte === QUOTE || byte === BACKSLASH || SHORT_ESCAPES[byte] ? 2 : byte < SPACE ? LARGEST_ESCAPE : 1,
);

/** True when a word holds a byte below 32, a quote or a backslash. Exact: no byte is missed, none is seen in vain. */
function needsEscape(word: number): boolean {
  const quotes = word ^ 0x22222222;
  const backslashes = word ^ 0x5c5c5c5c;
  const found =
    ((word - 0x20202020) & ~word) | ((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes);
  return (found & 0x80808080) !== 0;
}

/**
 * Writes JSON as bytes into a buffer that grows. Text is taken from a source of valid UTF-8 by its positions, and what
 * is written equals `JSON.stringify` of the decoded text. Only `reserve` checks for room: call it before each line.
 */
export class JsonWriter {
  buffer: Buffer;
  /** The same bytes, for several at a time. */
  view: DataView;
  /** Where the next byte goes. */
  at = 0;
  /** Set when text with a NUL was written; the caller resets it. */
  sawNul = false;
  #source: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(buffer: Buffer) {
    this.buffer = buffer;
    this.view = viewOf(buffer);
  }

  /** Writes into this from its beginning on. */
  begin(buffer: Buffer): void {
    this.at = 0;
    if (buffer === this.buffer) return;
    this.buffer = buffer;
    this.view = viewOf(buffer);
  }

  /** Where `text` reads from now on. */
  readFrom(source: Buffer): void {
    this.#source = source;
    this.#view = viewOf(source);
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
    this.view = viewOf(larger);
  }

  /** Bytes that are JSON already. */
  raw(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** A text that is JSON already. */
  json(text: string): void {
    this.at += this.buffer.write(text, this.at);
  }

  /** The source's `[start, end)` as the inside of a JSON string. */
  text(start: number, end: number): void {
    if (end - start >= LONG) return this.#longText(start, end);
    const from = this.#view;
    const to = this.view;
    let at = this.at;
    let i = start;
    for (const lastWord = end - 4; i <= lastWord; i += 4) {
      const word = from.getInt32(i, true);
      if (needsEscape(word)) {
        this.at = at;
        this.#bytes(i, i + 4);
        at = this.at;
      } else {
        to.setInt32(at, word, true);
        at += 4;
      }
    }
    this.at = at;
    if (i < end) this.#bytes(i, end);
  }

  /** The same, looked at by words and copied natively. */
  #longText(start: number, end: number): void {
    const view = this.#view;
    const lastWord = end - 4;
    let copied = start;
    let at = start;
    while (at <= lastWord) {
      if (needsEscape(view.getInt32(at, true))) {
        this.#copy(copied, at);
        copied = at + 4;
        this.#bytes(at, copied);
      }
      at += 4;
    }
    this.#copy(copied, at);
    this.#bytes(at, end);
  }

  /** A non-negative integer below 2^53. */
  integer(value: number): void {
    const buffer = this.buffer;
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    this.at += digits;
    let at = this.at;
    while (value > 0x7fffffff) {
      const rest = Math.floor(value / 10);
      buffer[--at] = 48 + (value - rest * 10);
      value = rest;
    }
    let small = value | 0;
    do {
      const rest = (small / 10) | 0;
      buffer[--at] = 48 + (small - rest * 10);
      small = rest;
    } while (small > 0);
  }

  /** The bytes in base64; needs no escapes. */
  base64(bytes: Buffer): void {
    this.at += this.buffer.write(bytes.toString("base64"), this.at, "latin1");
  }

  #copy(start: number, end: number): void {
    if (end > start) this.#source.copy(this.buffer, this.at, start, end);
    this.at += end - start;
  }

  #bytes(start: number, end: number): void {
    const source = this.#source;
    const buffer = this.buffer;
    let at = this.at;
    for (let i = start; i < end; i++) {
      const byte = source[i]!;
      if (byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH) buffer[at++] = byte;
      else at = this.#escape(byte, at);
    }
    this.at = at;
  }

  #escape(byte: number, at: number): number {
    const buffer = this.buffer;
    buffer[at++] = BACKSLASH;
    if (byte >= SPACE) {
      buffer[at++] = byte;
    } else if (SHORT_ESCAPES[byte] !== 0) {
      buffer[at++] = SHORT_ESCAPES[byte]!;
    } else {
      if (byte === 0) this.sawNul = true;
      buffer[at++] = 117;
      buffer[at++] = 48;
      buffer[at++] = 48;
      buffer[at++] = HEX[byte >> 4]!;
      buffer[at++] = HEX[byte & 15]!;
    }
    return at;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
