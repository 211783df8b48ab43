import { closeSync, mkdirSync, openSync, utimesSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";

/** Text is handed to the kernel in pieces of about this many bytes. */
const PIECE_BYTES = 256 * 1024;
/** A gzip file is a row of compressed pieces of this size, as `gzip a; cat a >> b` makes them; a small one has a single piece. */
const GZIP_PIECE_BYTES = 8 * 1024 * 1024;

/**
 * A file that is being written line by line, plain or gzipped. Texts are byte strings. Writes synchronously: the
 * generator has nothing else to do, and a line must not cost a promise.
 */
export class ArchiveFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #gzip: boolean;
  readonly #pieceBytes: number;
  #text = "";
  #lines = 0;
  #bytes = 0;

  constructor(path: string, options: { readonly gzip?: boolean } = {}) {
    this.#path = path;
    this.#gzip = options.gzip ?? false;
    this.#pieceBytes = this.#gzip ? GZIP_PIECE_BYTES : PIECE_BYTES;
    mkdirSync(dirname(path), { recursive: true });
    this.#fd = openSync(path, "wx", 0o644);
  }

  get lines(): number {
    return this.#lines;
  }

  /** Bytes before compression. */
  get bytes(): number {
    return this.#bytes;
  }

  append(line: string): void {
    // The line end comes before the next line, so that the last one can go without.
    this.#text += this.#lines === 0 ? line : `\n${line}`;
    this.#lines++;
    if (this.#text.length >= this.#pieceBytes) this.#flush();
  }

  /** @param mtimeSeconds the file's time, so that the same sample is the same to those who look at it */
  close(options: { readonly unterminated: boolean; readonly mtimeSeconds: number }): void {
    if (!options.unterminated) this.#text += "\n";
    this.#flush();
    closeSync(this.#fd);
    utimesSync(this.#path, options.mtimeSeconds, options.mtimeSeconds);
  }

  /** Ends it as it is, when the work is given up. */
  abandon(): void {
    closeSync(this.#fd);
  }

  #flush(): void {
    const bytes = Buffer.from(this.#text, "latin1");
    this.#text = "";
    this.#bytes += bytes.length;
    const data = this.#gzip ? gzipSync(bytes) : bytes;
    for (let at = 0; at < data.length;) at += writeSync(this.#fd, data, at);
  }
}
