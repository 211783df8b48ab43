import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Width of the second that stands before each line in a spool file. */
const SECOND_DIGITS = 7;
/** Lines are kept in memory up to about this many bytes. */
const HELD_BYTES = 16 * 1024 * 1024;

/** Lines of one host in time order. */
export interface Copies {
  /** Second of the next line; Infinity when there is none. */
  readonly second: number;
  /** Takes the next line. */
  next(): string;
}

/**
 * Second copies of lines that were written by day, waiting to be written by host. One file for each host; they are
 * added in time order and so come back in it. Texts are byte strings without line feeds.
 */
export class CopySpool {
  readonly #dir: string;
  readonly #held = new Map<string, string[]>();
  #heldBytes = 0;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  add(key: string, second: number, line: string): void {
    const lines = this.#held.get(key);
    const entry = `${String(second).padStart(SECOND_DIGITS, "0")}${line}`;
    if (lines) lines.push(entry);
    else this.#held.set(key, [entry]);
    this.#heldBytes += line.length + SECOND_DIGITS + 1;
    if (this.#heldBytes >= HELD_BYTES) this.#flush();
  }

  /** All hosts that have lines, sorted. */
  keys(): readonly string[] {
    this.#flush();
    return readdirSync(this.#dir).sort();
  }

  /** Takes all lines of one host out. Memory: one host's lines. */
  take(key: string): Copies {
    this.#flush();
    const file = join(this.#dir, key);
    let text = "";
    try {
      text = readFileSync(file, "latin1");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    rmSync(file, { force: true });
    let at = 0;
    return {
      get second() {
        return at < text.length ? Number(text.slice(at, at + SECOND_DIGITS)) : Infinity;
      },
      next() {
        const start = at + SECOND_DIGITS;
        const end = text.indexOf("\n", start);
        at = end + 1;
        return text.slice(start, end);
      },
    };
  }

  #flush(): void {
    for (const [key, lines] of this.#held) appendFileSync(join(this.#dir, key), `${lines.join("\n")}\n`, "latin1");
    this.#held.clear();
    this.#heldBytes = 0;
  }
}
