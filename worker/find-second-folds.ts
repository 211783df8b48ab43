import type { Origin } from "./contract/chunk.ts";
import { lineStart, type RangeReader } from "./framing/lines.ts";
import { FoldScan } from "./parsers/fold-scan.ts";
import { HEAD_BYTES, LineTimes } from "./parsers/line-times.ts";
import type { SecondFold } from "./time/fold-finder.ts";
import { foldsOf } from "./time/folds.ts";

/** What is read to know about what time a place in a file is of. */
const WINDOW_BYTES = 64 * 1024;
/** How far lines of several hosts may be out of order, in seconds; twice over. */
const MARGIN = 1200;
/** What is read at once in search of a place. */
const SCAN_BYTES = 1 << 20;
const LF = 10;

/**
 * Where a range of a plain file comes to the second of two equal local times. Looks at the times at both ends of the range first; only when
 * a clock is set back near them, the hour's place in the file is searched for by halving, and read from its beginning to the range's end.
 *
 * A function of the file's bytes and the range: every attempt finds the same. What it costs: nothing in a month without a change, two
 * small reads for a range elsewhere in such a month, and the lines of about three hours for the few ranges that hold them.
 */
export async function findSecondFolds(
  reader: RangeReader,
  fileLength: number,
  origin: Origin,
  range: { readonly start: number; readonly end: number },
): Promise<readonly SecondFold[]> {
  const folds = foldsOf(origin);
  if (folds.length === 0) return [];
  const file = new TimedFile(reader, fileLength, origin);
  const end = Math.min(range.end, fileLength);
  // The earliest and the latest time: a wrong one among them costs reading and hides nothing.
  const first = (await file.times(range.start, end)).at(0);
  const last = (await file.times(Math.max(range.start, end - WINDOW_BYTES), end)).at(-1);
  const found: SecondFold[] = [];
  for (const { timeZone, from, begin, end: over } of folds) {
    if (last !== undefined && last < begin - MARGIN) continue;
    if (first !== undefined && first > over + MARGIN) continue;
    const scan = await file.scan(await file.placeBefore(begin - MARGIN), end);
    found.push(
      ...scan.found.filter((second) => second.timeZone === timeZone && second.from === from && second.offset < end),
    );
  }
  return found;
}

/** A file whose lines are, on the whole, in order of time. */
class TimedFile {
  readonly #reader: RangeReader;
  readonly #length: number;
  readonly #origin: Origin;
  readonly #times: LineTimes;

  constructor(reader: RangeReader, length: number, origin: Origin) {
    this.#reader = reader;
    this.#length = length;
    this.#origin = origin;
    this.#times = new LineTimes(origin);
  }

  /** The times that lines in the window behind a place tell, sorted: of those that begin before `end`. */
  async times(position: number, end: number): Promise<readonly number[]> {
    const start = await lineStart(this.#reader, position, this.#length);
    const src = await this.#window(start);
    const times: number[] = [];
    for (let at = 0; at < src.length && start + at < end;) {
      const lf = src.indexOf(LF, at);
      const lineEnd = lf < 0 ? src.length : lf;
      if (this.#times.read(src, at, Math.min(lineEnd, at + HEAD_BYTES))) times.push(this.#times.utc);
      at = lineEnd + 1;
    }
    return times.sort((a, b) => a - b);
  }

  /** A place before which lines are earlier than a time, as late as can be told. */
  async placeBefore(time: number): Promise<number> {
    let before = 0;
    let after = this.#length;
    while (after - before > 2 * WINDOW_BYTES) {
      const middle = Math.floor((before + after) / 2);
      const times = await this.times(middle, this.#length);
      const there = times[times.length >> 1];
      // Where nothing can be read nothing is known, so all from here on is looked at.
      if (there === undefined) break;
      if (there < time) before = middle;
      else after = middle;
    }
    return before;
  }

  /** Looks through the lines that begin between a place and another. */
  async scan(from: number, to: number): Promise<FoldScan> {
    const start = await lineStart(this.#reader, from, this.#length);
    const scan = new FoldScan(this.#origin, start);
    const target = new Uint8Array(Math.min(SCAN_BYTES, this.#length - start));
    for (let position = start; position < to;) {
      const read = await this.#reader.read(position, target.subarray(0, this.#length - position));
      if (read === 0) break;
      scan.push(target.subarray(0, read));
      position += read;
    }
    scan.finish();
    return scan;
  }

  async #window(start: number): Promise<Buffer> {
    const wanted = Math.min(WINDOW_BYTES, this.#length - start);
    const src = Buffer.alloc(wanted);
    let filled = 0;
    while (filled < wanted) {
      const read = await this.#reader.read(start + filled, src.subarray(filled));
      if (read === 0) break;
      filled += read;
    }
    return src.subarray(0, filled);
  }
}
