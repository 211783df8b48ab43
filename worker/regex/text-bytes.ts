/** Larger texts have memory of their own: few are, and it would be kept for nothing. */
const LARGEST_KEPT = 65_536;
/** Bytes of UTF-8 for each unit of a string at the most. */
const MOST_BYTES = 3;

/**
 * The bytes of one text after the other, in memory that is used again. A small buffer for each would be a piece of one of Node's, 64 KiB large, of which
 * so many are used up that each lives just long enough to be taken for something that stays.
 */
export class TextBytes {
  /** Those of the text that was taken last, and others behind them. */
  bytes: Buffer = Buffer.alloc(0);
  length = 0;
  #text = "";

  take(text: string): void {
    // Several expressions are tried on one text.
    if (text === this.#text) return;
    const most = MOST_BYTES * text.length;
    this.#text = text;
    if (most > LARGEST_KEPT) {
      this.bytes = Buffer.from(text);
      this.length = this.bytes.length;
      return;
    }
    if (this.bytes.length < most || this.bytes.length > 2 * LARGEST_KEPT) this.bytes = Buffer.allocUnsafeSlow(2 * most);
    this.length = this.bytes.write(text);
  }
}
