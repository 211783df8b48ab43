import { open, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { tailOffset } from "./tail.ts";

/** A line of a log, without its end. */
export interface LogLine {
  readonly file: string;
  readonly text: string;
}

export interface FollowOptions {
  /** Asked at each look: logs may come to be. */
  readonly files: () => Promise<readonly string[]>;
  /** How many last lines of the files that are there already; all when absent. Later ones are read from their start. */
  readonly lines?: number | undefined;
  /** Whether nobody writes any more. Then everything is read to its end. Asked when nothing was new. */
  readonly isOver: () => Promise<boolean>;
  readonly everyMs?: number;
  readonly signal: AbortSignal;
}

const LOOK_MS = 500;
const BLOCK_BYTES = 64 * 1024;
/** More than this without a line end is given as it is. */
const MOST_LINE_BYTES = 2 ** 20;

/**
 * The lines of logs, as they are written. Looks again and again instead of being told, and opens each file anew every time: that is how a
 * network file system shows what another host has written. A file that was replaced is read to its end and then anew from its
 * start; so is one that was cut.
 * @throws the signal's reason when aborted
 */
export async function* followLogs(options: FollowOptions): AsyncGenerator<LogLine> {
  const { signal, everyMs = LOOK_MS } = options;
  const followed = new Map<string, Followed>();
  let isFirstLook = true;
  let over = false;
  try {
    for (;;) {
      for (const path of await options.files()) {
        if (!followed.has(path)) followed.set(path, new Followed(path, isFirstLook ? options.lines : undefined));
      }
      isFirstLook = false;
      let grew = false;
      for (const file of followed.values()) {
        for await (const text of file.newLines(signal)) {
          grew = true;
          yield { file: file.path, text };
        }
      }
      signal.throwIfAborted();
      if (over) break;
      if (!grew) over = await options.isOver();
      if (!over) await sleep(everyMs, undefined, { signal });
    }
    for (const file of followed.values()) {
      const text = file.unfinishedLine();
      if (text !== undefined) yield { file: file.path, text };
    }
  } finally {
    await Promise.all([...followed.values()].map((file) => file.close()));
  }
}

class Followed {
  readonly path: string;
  /** Where reading begins: all when undefined. */
  #lines: number | undefined;
  /** Kept open, so that a file that was renamed or removed can be read to its end. */
  #handle: FileHandle | undefined;
  #offset = 0;
  #unfinished: Buffer = Buffer.alloc(0);

  constructor(path: string, lines: number | undefined) {
    this.path = path;
    this.#lines = lines;
  }

  async *newLines(signal: AbortSignal): AsyncGenerator<string> {
    const before = this.#handle;
    const now = await openIfThere(this.path);
    if (!now) {
      if (before) yield* this.#readOn(before, signal);
      return;
    }
    this.#handle = now;
    if (before) {
      try {
        const [old, fresh] = await Promise.all([before.stat().catch(() => undefined), now.stat()]);
        if (old?.ino !== fresh.ino || old.dev !== fresh.dev) {
          if (old) yield* this.#readOn(before, signal);
          yield* this.#startAnew();
        } else if (fresh.size < this.#offset) yield* this.#startAnew();
      } finally {
        await before.close().catch(() => undefined);
      }
    } else if (this.#lines !== undefined) {
      this.#offset = await tailOffset(now, this.#lines);
      this.#lines = undefined;
    }
    yield* this.#readOn(now, signal);
  }

  /** What stands at the end without a line end. */
  unfinishedLine(): string | undefined {
    const rest = this.#unfinished;
    this.#unfinished = Buffer.alloc(0);
    return rest.length > 0 ? rest.toString("utf8") : undefined;
  }

  async close(): Promise<void> {
    await this.#handle?.close().catch(() => undefined);
  }

  *#startAnew(): Generator<string> {
    const rest = this.unfinishedLine();
    if (rest !== undefined) yield rest;
    this.#offset = 0;
  }

  async *#readOn(handle: FileHandle, signal: AbortSignal): AsyncGenerator<string> {
    const block = Buffer.alloc(BLOCK_BYTES);
    for (;;) {
      signal.throwIfAborted();
      const bytesRead = await readAt(handle, block, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      let bytes = Buffer.concat([this.#unfinished, block.subarray(0, bytesRead)]);
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
        yield bytes.toString("utf8", 0, end).replace(/\r$/, "");
        bytes = bytes.subarray(end + 1);
      }
      this.#unfinished = Buffer.from(bytes);
      if (bytes.length > MOST_LINE_BYTES) {
        const text = this.unfinishedLine();
        if (text !== undefined) yield text;
      }
    }
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch {
    return undefined;
  }
}

/** Nothing of a file that a file server has forgotten meanwhile (ESTALE). */
async function readAt(handle: FileHandle, block: Buffer, offset: number): Promise<number> {
  try {
    return (await handle.read(block, 0, block.length, offset)).bytesRead;
  } catch {
    return 0;
  }
}
