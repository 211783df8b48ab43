import type { Origin } from "../contract/chunk.ts";
import { FoldFinder, type SecondFold } from "../time/fold-finder.ts";
import { HEAD_BYTES, LineTimes } from "./line-times.ts";

const LF = 10;

/** Looks for the second of two equal local times in bytes of a file as they come; see `FoldFinder`. */
export class FoldScan {
  readonly #times: LineTimes;
  readonly #finder = new FoldFinder();
  /** The beginning of a line whose end has not come yet. */
  readonly #held = Buffer.allocUnsafe(HEAD_BYTES);
  #heldBytes = 0;
  /** Whether a line has begun before the bytes to come. */
  #open = false;
  #lineAt: number;
  #at: number;

  /** @param from offset in the file of the first byte to come, with which a line begins */
  constructor(origin: Origin, from = 0) {
    this.#times = new LineTimes(origin);
    this.#lineAt = this.#at = from;
  }

  get found(): readonly SecondFold[] {
    return this.#finder.found;
  }

  push(bytes: Uint8Array): void {
    const src = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let start = 0; start < src.length;) {
      const lf = src.indexOf(LF, start);
      const end = lf < 0 ? src.length : lf;
      if (lf < 0 || this.#open) this.#hold(src, start, end);
      else this.#line(src, start, Math.min(end, start + HEAD_BYTES));
      if (lf < 0) break;
      if (this.#open) this.finish();
      start = lf + 1;
      this.#lineAt = this.#at + start;
    }
    this.#at += src.length;
  }

  /** So many bytes are the rest of a line that nobody holds. */
  passOver(bytes: number): void {
    this.finish();
    this.#at += bytes;
    this.#lineAt = this.#at;
  }

  /** The last line has no end of its own. */
  finish(): void {
    if (this.#open) this.#line(this.#held, 0, this.#heldBytes);
    this.#open = false;
    this.#heldBytes = 0;
  }

  #hold(src: Buffer, start: number, end: number): void {
    this.#open = true;
    this.#heldBytes += src.copy(this.#held, this.#heldBytes, start, Math.min(end, start + HEAD_BYTES));
  }

  #line(src: Buffer, start: number, end: number): void {
    const times = this.#times;
    if (!times.read(src, start, end) || Number.isNaN(times.wall)) return;
    const fold = times.calendar.foldAt(times.wall);
    if (fold) this.#finder.take(times.calendar.timeZone, times.wall, fold, this.#lineAt);
  }
}
