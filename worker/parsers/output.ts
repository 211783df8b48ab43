import { JsonWriter } from "./json-writer.ts";

/** A shorter average line makes the arrays grow. */
const EXPECTED_LINE_BYTES = 64;

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

/** The documents of one block. They are written into a window, and go from there to the body that leaves the thread, many at a time. */
export class Output {
  readonly writer: JsonWriter;
  readonly #window: Window;
  /** From here on the window is emptied between two documents. */
  readonly #full: number;
  #body: Buffer<ArrayBuffer>;
  #length = 0;
  #offsets: Float64Array;
  #lengths: Uint32Array;
  #count = 0;

  /** @param body all of it is used; larger memory is taken when it is full */
  constructor(window: Window, blockBytes: number, body: ArrayBuffer) {
    this.#window = window;
    window.count[0] = 0;
    this.#full = window.bytes.length >> 1;
    this.writer = new JsonWriter(window.bytes);
    this.#body = Buffer.from(body);
    const expected = 64 + Math.ceil(blockBytes / EXPECTED_LINE_BYTES);
    this.#offsets = new Float64Array(expected);
    this.#lengths = new Uint32Array(expected);
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

  /** All of it. */
  end() {
    this.empty();
    return {
      body: new Uint8Array(this.#body.buffer, 0, this.#length),
      count: this.#count,
      offsets: this.#offsets.subarray(0, this.#count),
      lengths: this.#lengths.subarray(0, this.#count),
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
