import { once } from "node:events";

/** What is printed, with the reader's speed. */
export class Output {
  /** Whoever read has gone. */
  closed = false;
  length = 0;
  readonly #stream: NodeJS.WritableStream;
  readonly #signal: AbortSignal;
  #pieces: string[] = [];
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    if (error.code === "EPIPE") this.closed = true;
  };

  constructor(stream: NodeJS.WritableStream, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    stream.on("error", this.#onError);
  }

  add(text: string): void {
    this.#pieces.push(text);
    this.length += text.length;
  }

  async flush(): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.length === 0) return;
    const text = this.#pieces.join("");
    this.#pieces = [];
    this.length = 0;
    if (!this.#stream.write(text)) await once(this.#stream, "drain", { signal: this.#signal });
  }

  /** Writes bytes behind what was added. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.flush();
    if (bytes.length > 0 && !this.#stream.write(bytes)) await once(this.#stream, "drain", { signal: this.#signal });
  }

  end(): void {
    this.#stream.off("error", this.#onError);
  }
}
