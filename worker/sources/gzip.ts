import type { FileHandle } from "node:fs/promises";
import { constants, crc32, createInflateRaw } from "node:zlib";
import { fileError, openFile } from "./file-access.ts";
import type { Source, Waiting } from "./source.ts";

/** Compressed bytes read at once. One call expands them at most about thousandfold, which bounds the memory. */
const READ_BYTES = 64 * 1024;
const OUTPUT_BYTES = 128 * 1024;

/** Bits of the header's FLG byte. @source RFC 1952, 2.3.1 */
const HEADER_CRC = 2;
const EXTRA = 4;
const NAME = 8;
const COMMENT = 16;
/** Longer optional fields than this are damage. */
const LONGEST_HEADER = 1024 * 1024;

/**
 * A gzip file of one or more members, which count as one. As `gzip -dc` does it: padding and garbage behind the
 * last member are ignored; where it breaks off or is damaged, everything that could be decoded before stays.
 *
 * The members are framed here and only deflate is left to zlib, since `createGunzip` loses what it had decoded when
 * garbage or damage follows in the same buffer.
 */
export const gzip: Source = {
  format: "gzip",
  async *open(file, signal, waiting) {
    await using handle = await openFile(file);
    const input = new Input(file, handle, waiting);
    yield { kind: "member", index: 0 };
    for (let members = 0; ; members++) {
      const header = await readHeader(input);
      if (header !== "begins") {
        // Behind a whole member anything else is padding or garbage; a file without any is damaged.
        if (members > 0 && header === "no-member") return;
        yield { kind: "broken", problem: `broken gzip header at byte ${input.position}` };
        return;
      }
      const problem = yield* readMember(input, signal);
      if (problem !== undefined) {
        yield { kind: "broken", problem };
        return;
      }
    }
  },
};

/** The compressed file, read forward, with the bytes that were read but not used yet. */
class Input {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #waiting: Waiting | undefined;
  #buffer: Uint8Array = new Uint8Array(0);
  /** Offset in the file of the first unused byte. */
  position = 0;

  constructor(file: string, handle: FileHandle, waiting: Waiting | undefined) {
    this.#file = file;
    this.#handle = handle;
    this.#waiting = waiting;
  }

  /** The unused bytes, at least `least` of them unless the file ends before. */
  async peek(least = 1): Promise<Uint8Array> {
    while (this.#buffer.length < least) {
      const more = await this.read(this.position + this.#buffer.length, Math.max(READ_BYTES, least));
      if (more.length === 0) break;
      this.#buffer = this.#buffer.length === 0 ? more : Buffer.concat([this.#buffer, more]);
    }
    return this.#buffer;
  }

  take(bytes: number): void {
    this.#buffer = this.#buffer.subarray(bytes);
    this.position += bytes;
  }

  /** Bytes from anywhere in the file; `READ_BYTES` short reads are filled, so that a reading is repeatable. */
  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    const isThere = this.#waiting?.begin();
    try {
      while (filled < length) {
        const { bytesRead } = await this.#handle.read(bytes, filled, length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    } catch (error) {
      throw fileError(this.#file, error);
    } finally {
      isThere?.();
    }
    return bytes.subarray(0, filled);
  }
}

/** Takes a member's header. @source RFC 1952, 2.3 */
async function readHeader(input: Input): Promise<"begins" | "no-member" | "cut"> {
  const fixed = await input.peek(10);
  if (fixed.length < 3 || fixed[0] !== 0x1f || fixed[1] !== 0x8b || fixed[2] !== 8) return "no-member";
  if (fixed.length < 10) return "cut";
  const flags = fixed[3] ?? 0;
  let at = 10;
  if (flags & EXTRA) {
    const bytes = await input.peek(at + 2);
    at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
  }
  for (const flag of [NAME, COMMENT]) {
    if (!(flags & flag)) continue;
    const zero = await findZero(input, at);
    if (zero < 0) return "cut";
    at = zero + 1;
  }
  if (flags & HEADER_CRC) at += 2;
  if ((await input.peek(at)).length < at) return "cut";
  input.take(at);
  return "begins";
}

async function findZero(input: Input, from: number): Promise<number> {
  for (let wanted = from + 1; wanted <= LONGEST_HEADER; wanted += READ_BYTES) {
    const bytes = await input.peek(wanted);
    const zero = bytes.indexOf(0, from);
    if (zero >= 0 || bytes.length < wanted) return zero;
  }
  return -1;
}

/** Takes a member's body and trailer. Returns the problem when it is damaged. */
async function* readMember(
  input: Input,
  signal: AbortSignal,
): AsyncGenerator<{ kind: "bytes"; bytes: Uint8Array }, string | undefined, undefined> {
  const begin = input.position;
  let delivered = 0;
  let crc = 0;
  const inflate = new Inflate();
  try {
    for (;;) {
      signal.throwIfAborted();
      const chunk = await input.peek();
      if (chunk.length === 0) return `ends inside the compressed data at byte ${input.position}`;
      const { outputs, used, ended, failed } = await inflate.write(chunk);
      for (const bytes of outputs) {
        delivered += bytes.length;
        crc = crc32(bytes, crc);
        yield { kind: "bytes", bytes };
      }
      if (failed) {
        // zlib keeps back what it had decoded in the failing call. This is rare: decode the member again, and this chunk byte by byte.
        yield* salvage(input, begin, delivered, signal);
        return `damaged compressed data near byte ${input.position}`;
      }
      input.take(used);
      if (ended) break;
    }
  } finally {
    inflate.close();
  }
  const trailer = await input.peek(8);
  if (trailer.length < 8) return `ends inside the checksum at byte ${input.position}`;
  const view = new DataView(trailer.buffer, trailer.byteOffset);
  if (view.getUint32(0, true) !== crc) return `the checksum is wrong at byte ${input.position}`;
  if (view.getUint32(4, true) !== delivered % 2 ** 32) return `the length is wrong at byte ${input.position}`;
  input.take(8);
  return undefined;
}

/** What can be decoded of the member that begins at `begin`, beyond its first `skip` bytes, up to the damage. */
async function* salvage(
  input: Input,
  begin: number,
  skip: number,
  signal: AbortSignal,
): AsyncGenerator<{ kind: "bytes"; bytes: Uint8Array }, void, undefined> {
  const inflate = new Inflate();
  let decoded = 0;
  try {
    for (let at = begin; ;) {
      signal.throwIfAborted();
      const near = at >= input.position;
      const chunk = await input.read(at, near ? 1 : Math.min(READ_BYTES, input.position - at));
      if (chunk.length === 0) return;
      const { outputs, ended, failed } = await inflate.write(chunk);
      for (const bytes of outputs) {
        const fresh = bytes.subarray(Math.min(bytes.length, Math.max(0, skip - decoded)));
        decoded += bytes.length;
        if (fresh.length > 0) yield { kind: "bytes", bytes: fresh };
      }
      if (failed || ended) return;
      at += chunk.length;
    }
  } finally {
    inflate.close();
  }
}

interface Inflated {
  readonly outputs: readonly Uint8Array[];
  /** How much of the input was used; less than all of it only at the end of the deflate stream. */
  readonly used: number;
  readonly ended: boolean;
  readonly failed: boolean;
}

/** One deflate stream, driven chunk by chunk: everything that a chunk yields is there when `write` resolves. */
class Inflate {
  readonly #stream = createInflateRaw({ chunkSize: OUTPUT_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
  #outputs: Uint8Array[] = [];
  #ended = false;
  #settle: ((failed: boolean) => void) | undefined;

  constructor() {
    this.#stream.on("data", (bytes: Uint8Array) => this.#outputs.push(bytes));
    this.#stream.on("error", () => this.#settle?.(true));
    this.#stream.on("end", () => {
      this.#ended = true;
      this.#settle?.(false);
    });
  }

  async write(chunk: Uint8Array): Promise<Inflated> {
    const before = this.#stream.bytesWritten;
    this.#outputs = [];
    const failed = await new Promise<boolean>((resolve) => {
      this.#settle = resolve;
      // The end of the stream is told after the write: wait for that turn before looking at it.
      this.#stream.write(chunk, () => setImmediate(() => resolve(false)));
    });
    return { outputs: this.#outputs, used: this.#stream.bytesWritten - before, ended: this.#ended, failed };
  }

  close(): void {
    this.#stream.destroy();
  }
}
