const HOUR = 3600;
const DAY = 86_400;

/** Which of the two instants at which a wall clock shows one time: 0 the first, 1 the second. */
export type Fold = 0 | 1;

/** A stretch of local time that the wall clock shows twice. */
export interface FoldedTime {
  /** `[from, to)` on the wall clock, in seconds as if it showed UTC. */
  readonly from: number;
  readonly to: number;
  /** `[begin, end)` in UTC: from the first time that it shows `from` to the second time that it shows `to`. */
  readonly begin: number;
  readonly end: number;
}

/**
 * The wall clock of an IANA zone, from the time zone data that Node carries (ICU). All times are whole seconds;
 * a *local* time counts them as if the wall clock showed UTC.
 *
 * Where the wall clock is set forward, a time that it skips is read with the offset before the change (02:30 becomes
 * 03:30), which is what Temporal calls "compatible". Where it is set back, a time that it shows twice is its first
 * occurrence unless the second one is asked for: a line does not tell which it is, its place in the file does (`FoldFinder`).
 */
export class ZoneClock {
  readonly #format: Intl.DateTimeFormat;
  /** UTC hour → offset in seconds; only hours through which it does not change. */
  readonly #hours = new Map<number, number>();

  /** @throws RangeError when ICU does not know the zone */
  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "iso8601",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /** What the zone's wall clock is ahead of UTC at an instant. */
  offsetAt(utc: number): number {
    const hour = Math.floor(utc / HOUR);
    const known = this.#hours.get(hour);
    if (known !== undefined) return known;
    const first = this.#lookUp(hour * HOUR);
    if (first !== this.#lookUp(hour * HOUR + HOUR - 1)) return this.#lookUp(utc);
    // Two years of hours; a file with random years must not fill the memory.
    if (this.#hours.size >= 20_000) this.#hours.clear();
    this.#hours.set(hour, first);
    return first;
  }

  /** The instant at which the wall clock shows `local`; `fold` says which one where there are two. */
  toUtc(local: number, fold: Fold = 0): number {
    // No zone has ever changed its offset twice within two days.
    const before = this.offsetAt(local - DAY);
    const after = this.offsetAt(local + DAY);
    const early = local - Math.max(before, after);
    const late = local - Math.min(before, after);
    const isEarly = this.offsetAt(early) === local - early;
    if (isEarly && fold === 0) return early;
    if (this.offsetAt(late) === local - late) return late;
    return isEarly ? early : local - before;
  }

  /** The stretch around a local time that the wall clock shows twice; undefined when it shows that time once, or never. */
  foldAt(local: number): FoldedTime | undefined {
    const early = this.toUtc(local, 0);
    const late = this.toUtc(local, 1);
    return early === late ? undefined : this.#setBackBetween(early, late);
  }

  /** The stretches that the wall clock shows twice and that begin in `[from, to)` of local time, in order. */
  foldsBetween(from: number, to: number): readonly FoldedTime[] {
    const folds: FoldedTime[] = [];
    // No offset is as large as a day.
    for (let utc = from - DAY; utc < to + DAY; utc += DAY) {
      if (this.offsetAt(utc) <= this.offsetAt(utc + DAY)) continue;
      const fold = this.#setBackBetween(utc, utc + DAY);
      if (fold.from >= from && fold.from < to) folds.push(fold);
    }
    return folds;
  }

  /** What the clock shows twice because it is set back, once, between two instants. */
  #setBackBetween(before: number, after: number): FoldedTime {
    const ahead = this.offsetAt(before);
    let last = before;
    let first = after;
    while (first - last > 1) {
      const middle = Math.floor((first + last) / 2);
      if (this.offsetAt(middle) === ahead) last = middle;
      else first = middle;
    }
    const from = first + this.offsetAt(first);
    const to = first + ahead;
    return { from, to, begin: from - ahead, end: first + to - from };
  }

  #lookUp(utc: number): number {
    const field: Record<string, number> = {};
    for (const part of this.#format.formatToParts(utc * 1000)) field[part.type] = Number(part.value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = field;
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - utc;
  }
}
