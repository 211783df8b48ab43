import { isUtf8 } from "node:buffer";
import type { Calendar } from "../time/calendar.ts";
import { repeatedTimes, textOfRepeated } from "./repeated.ts";
import { HEADER_READ, HeaderScanner } from "./syslog-header.ts";
import { TimestampScanner } from "./timestamp.ts";

/**
 * How far before a line the message is looked for that it says came again. syslogd writes it next, as far as its host is concerned;
 * hundreds of other hosts' lines fit in between.
 */
export const LOOK_BACK_BYTES = 64 * 1024;
/**
 * What is written out at most: of one line, of the lines that begin within the same 64 KiB of a file, and of a message. Beyond, a line keeps
 * its number, so that a file that says `repeated 999999999 times` in every line fills no memory.
 */
export const MOST_COPIES = 1000;
export const MOST_COPIES_OF_CELL = 2000;
export const CELL_BYTES = 64 * 1024;
export const LONGEST_REPEATED = 1024;

const LF = 10;
const CR = 13;

/** A line in full for each time that the message came again. */
export interface Expansion {
  /** The header of the line that says so, and the message that it speaks of; valid UTF-8. */
  readonly text: Buffer;
  readonly times: number;
}

/**
 * Writes `last message repeated n times` out: as n lines with its time and host and the message before it.
 *
 * It is told of every line in order, and remembers each host's last message. A message counts when its line begins less than
 * `LOOK_BACK_BYTES` before, and whoever parses a part of a file tells of so much of what stands before it first: so what becomes of a line
 * depends on these bytes alone, not on where blocks and chunks begin.
 */
export class RepeatExpander {
  readonly #header: HeaderScanner;
  /** By host: where its last message stands. */
  readonly #last = new Map<string, { readonly lineAt: number; readonly start: number; readonly end: number }>();
  #cell = -1;
  #copiesOfCell = 0;

  constructor(calendar: Calendar) {
    this.#header = new HeaderScanner(new TimestampScanner(calendar));
  }

  /** Tells of the bytes `[0, end)` before a block, which stand at `offset` in the file. Only a file's beginning begins a line. */
  lookBack(src: Buffer, end: number, offset: number): void {
    let start = offset === 0 ? 0 : src.indexOf(LF) + 1;
    if (start === 0 && offset !== 0) return;
    while (start < end) {
      const lf = src.indexOf(LF, start);
      if (lf < 0) return;
      this.take(src, start, lf > start && src[lf - 1] === CR ? lf - 1 : lf, offset + start);
      start = lf + 1;
    }
  }

  /**
   * Tells of the line `[start, end)`, which stands at `offset` in the file.
   * @returns what it stands for when it speaks of another; undefined for every other line, and where that is too much or not to be found
   */
  take(src: Buffer, start: number, end: number, offset: number): Expansion | undefined {
    const header = this.#header;
    if (header.scan(src, start, end) !== HEADER_READ) return undefined;
    const { messageStart } = header;
    const hasProgram = header.programEnd > header.programStart;
    const host = src.toString("latin1", header.hostStart, header.hostEnd);
    const times = repeatedTimes(src, messageStart, end, hasProgram);
    if (times === 0) {
      this.#last.set(host, { lineAt: start, start: hasProgram ? header.programStart : messageStart, end });
      return undefined;
    }
    if (!this.#withinLimits(times, offset)) return undefined;
    const prefix = src.subarray(start, messageStart);
    // rsyslog's form holds the message itself.
    if (hasProgram) return expansion(prefix, src.subarray(...textOfRepeated(src, messageStart, end)), times);
    const last = this.#last.get(host);
    if (!last || start - last.lineAt >= LOOK_BACK_BYTES) return undefined;
    return expansion(prefix, src.subarray(last.start, last.end), times);
  }

  /** Nothing but what the lines of a cell themselves say decides, so that it is the same wherever reading began. */
  #withinLimits(times: number, offset: number): boolean {
    const cell = Math.floor(offset / CELL_BYTES);
    if (cell !== this.#cell) this.#copiesOfCell = 0;
    this.#cell = cell;
    if (times > MOST_COPIES || this.#copiesOfCell + times > MOST_COPIES_OF_CELL) return false;
    this.#copiesOfCell += times;
    return true;
  }
}

function expansion(prefix: Buffer, message: Buffer, times: number): Expansion | undefined {
  if (message.length > LONGEST_REPEATED) return undefined;
  const text = Buffer.concat([prefix, message]);
  return isUtf8(text) ? { text, times } : undefined;
}

/** Whether a line speaks of a message that stands before it in its file, so that without those lines nobody can write it out. */
export function speaksOfAnother(line: Buffer, calendar: Calendar): boolean {
  const header = new HeaderScanner(new TimestampScanner(calendar));
  const last = line.at(-1) === LF ? line.length - 1 : line.length;
  const end = last > 0 && line[last - 1] === CR ? last - 1 : last;
  if (header.scan(line, 0, end) !== HEADER_READ || header.programEnd > header.programStart) return false;
  return repeatedTimes(line, header.messageStart, end, false) > 0;
}
