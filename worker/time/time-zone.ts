const HOUR = 3600;
const DAY = 86_400;

/**
 * The wall clock of an IANA zone, from the time zone data that Node carries (ICU). All times are whole seconds;
 * a *local* time counts them as if the wall clock showed UTC.
 *
 * Where the wall clock is set forward, a time that it skips is read with the offset before the change (02:30 becomes
 * 03:30); where it is set back, a time that it shows twice is its first occurrence. Both are what Temporal calls
 * "compatible": the second hour of an autumn night therefore overlaps the first, since such lines do not tell.
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

  /** The instant at which the wall clock shows `local`. */
  toUtc(local: number): number {
    // No zone has ever changed its offset twice within two days.
    const before = this.offsetAt(local - DAY);
    const after = this.offsetAt(local + DAY);
    const early = local - Math.max(before, after);
    if (this.offsetAt(early) === local - early) return early;
    const late = local - Math.min(before, after);
    if (this.offsetAt(late) === local - late) return late;
    return local - before;
  }

  #lookUp(utc: number): number {
    const field: Record<string, number> = {};
    for (const part of this.#format.formatToParts(utc * 1000)) field[part.type] = Number(part.value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = field;
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - utc;
  }
}
