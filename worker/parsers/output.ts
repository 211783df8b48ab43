import { JsonWriter } from "./json-writer.ts";

/** Where documents are written first: a few hundred kilobytes that stay in the processor's cache. */
export interface Window {
  /** Their bytes. */
  readonly bytes: Buffer<ArrayBuffer>;
  /** For each the offset of its line in the file, and its length. */
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
  /** How many there are, in its one place. */
  readonly count: Int32Array;
}

/**
 * The documents of a block, and then those of the next one. They are written into a window, and go from there to the body that leaves the thread,
 * many at a time.
 */
export class Output {
  readonly writer: JsonWriter;
  readonly #window: Window;
  /** From here on the window is emptied between two documents. */
  readonly #full: number;
  #body: Buffer<ArrayBuffer> = Buffer.from(new ArrayBuffer(0));
  #length = 0;
  /** Of all documents so far; used again for each block. */
  #offsets: Float64Array;
  #lengths: Uint32Array;
  #count = 0;

  constructor(window: Window) {
    this.#window = window;
    this.#full = window.bytes.length >> 1;
    this.writer = new JsonWriter(window.bytes);
    this.#offsets = new Float64Array(window.offsets.length);
    this.#lengths = new Uint32Array(window.lengths.length);
  }

  /** @param body all of it is used; larger memory is taken when it is full */
  begin(body: ArrayBuffer): void {
    this.#body = Buffer.from(body);
    this.#length = 0;
    this.#count = 0;
    this.#window.count[0] = 0;
    this.writer.begin(this.#window.bytes);
  }

  /** The document that was written last. */
  add(offset: number, length: number): void {
    const { offsets, lengths, count } = this.#window;
    const at = count[0]!;
    offsets[at] = offset;
    lengths[at] = length;
    count[0] = at + 1;
    if (at + 1 === offsets.length) this.empty();
  }

  /** Between two documents: makes the window empty when it is half full. */
  settle(): void {
    if (this.writer.at > this.#full || this.writer.buffer !== this.#window.bytes) this.empty();
  }

  /** Between two documents: takes over what is in the window. */
  empty(): void {
    const { writer } = this;
    const window = this.#window;
    const count = window.count[0]!;
    if (this.#length + writer.at > this.#body.length) this.#enlarge(this.#length + writer.at);
    this.#body.set(writer.buffer.subarray(0, writer.at), this.#length);
    this.#length += writer.at;
    if (this.#count + count > this.#offsets.length) this.#expect(this.#count + count);
    this.#offsets.set(window.offsets.subarray(0, count), this.#count);
    this.#lengths.set(window.lengths.subarray(0, count), this.#count);
    this.#count += count;
    window.count[0] = 0;
    writer.begin(window.bytes);
  }

  /** All of it, which is the caller's from now on. */
  end() {
    this.empty();
    return {
      body: new Uint8Array(this.#body.buffer, 0, this.#length),
      count: this.#count,
      offsets: this.#offsets.slice(0, this.#count),
      lengths: this.#lengths.slice(0, this.#count),
    };
  }

  #enlarge(bytes: number): void {
    const larger = Buffer.from(new ArrayBuffer(Math.max(this.#body.length * 2, bytes)));
    larger.set(this.#body.subarray(0, this.#length));
    this.#body = larger;
  }

  #expect(documents: number): void {
    const offsets = new Float64Array(documents * 2);
    offsets.set(this.#offsets);
    this.#offsets = offsets;
    const lengths = new Uint32Array(documents * 2);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
  }
}
