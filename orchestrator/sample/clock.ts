import { daysInMonth, splitMonth, type YearMonth } from "../../worker/contract/months.ts";
import { WeightedTable, type Random } from "./random.ts";

/** Whose rhythm: people's logins sleep at night and on Sundays, machines hardly do. */
export type Rhythm = "people" | "machines";

const MONTH_NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = 86_400;

/** A stretch of one file's time in which more is said than usual. */
export interface Burst {
  /** Second of the month at which it begins. */
  readonly start: number;
  readonly seconds: number;
  readonly lines: number;
}

/** Bits of a drawn moment that number its burst; 0 is none. */
const BURST_BITS = 10;
/** Most bursts of one file. */
export const MAX_BURSTS = (1 << BURST_BITS) - 1;

/**
 * The local time of one month in one zone. Moments are seconds of the month in local time, from 0; hours that a
 * change to summer time skips never occur.
 */
export class MonthClock {
  readonly month: YearMonth;
  readonly days: number;
  readonly #prefix: string;
  readonly #firstWeekday: number;
  readonly #missingHours: ReadonlySet<number>;
  /** The last second and its stamp: lines come in time order, many in one second. */
  #stampedSecond = -1;
  #stamp = "";

  constructor(month: YearMonth, timeZone: string) {
    const { year, month: m } = splitMonth(month);
    this.month = month;
    this.days = daysInMonth(month);
    this.#prefix = MONTH_NAMES[m - 1] ?? "Jan";
    this.#firstWeekday = new Date(Date.UTC(year, m - 1, 1)).getUTCDay();
    this.#missingHours = missingHours(year, m, this.days, timeZone);
  }

  /** `YYYY-MM-DD` of a day counted from 0. */
  dayName(day: number): string {
    return `${this.month}-${String(day + 1).padStart(2, "0")}`;
  }

  /** `Jan  5 04:03:02`, as syslog writes it. */
  stamp(second: number): string {
    if (second === this.#stampedSecond) return this.#stamp;
    const day = Math.floor(second / DAY);
    const rest = second - day * DAY;
    const hour = Math.floor(rest / 3600);
    const minute = Math.floor(rest / 60) % 60;
    const s = rest % 60;
    this.#stampedSecond = second;
    this.#stamp = `${this.#prefix} ${day < 9 ? " " : ""}${String(day + 1)} ${TWO[hour] ?? ""}:${TWO[minute] ?? ""}:${TWO[s] ?? ""}`;
    return this.#stamp;
  }

  /** How much is said in an hour of the month, on average 0.3 to 1. */
  #weight(hour: number, rhythm: Rhythm): number {
    if (this.#missingHours.has(hour)) return 0;
    const weekday = (this.#firstWeekday + Math.floor(hour / 24)) % 7;
    const weekend = weekday === 0 || weekday === 6;
    const bell = Math.exp(-(((hour % 24) - 13.5) ** 2) / 22);
    return rhythm === "people" ? (0.12 + 0.88 * bell) * (weekend ? 0.4 : 1) : 0.7 + 0.3 * bell * (weekend ? 0.5 : 1);
  }

  /** Weight of each day of the month: the sum of its hours'. 0 for a day that the zone skipped. */
  dayWeights(rhythm: Rhythm): number[] {
    return Array.from({ length: this.days }, (_, day) => {
      let sum = 0;
      for (let h = 0; h < 24; h++) sum += this.#weight(day * 24 + h, rhythm);
      return sum;
    });
  }

  /** Draws moments of the days `[firstDay, endDay)` in this rhythm. Make it once for many files. */
  hours(rhythm: Rhythm, firstDay: number, endDay: number): HourTable {
    const first = firstDay * 24;
    const weights = Array.from({ length: (endDay - firstDay) * 24 }, (_, i) => this.#weight(first + i, rhythm));
    return { first, end: endDay * 24, table: new WeightedTable(weights) };
  }

  /**
   * `count` moments in order, some of them in bursts. `burstOf` and `secondOf` take one apart.
   * Memory: 4 bytes for each.
   */
  draw(random: Random, count: number, hours: HourTable, bursts: readonly Burst[] = []): Uint32Array {
    const moments = new Uint32Array(count);
    let n = 0;
    for (let b = 0; b < bursts.length && b < MAX_BURSTS; b++) {
      const { start, seconds, lines } = bursts[b] as Burst;
      for (let i = 0; i < lines && n < count; i++) {
        const second = this.#existing(start + random.below(seconds), hours);
        moments[n++] = second * (1 << BURST_BITS) + b + 1;
      }
    }
    while (n < count) {
      const hour = hours.first + hours.table.draw(random);
      moments[n++] = (hour * 3600 + random.below(3600)) * (1 << BURST_BITS);
    }
    return moments.sort();
  }

  /** The second itself, kept within the days drawn from and out of hours that do not exist. */
  #existing(second: number, hours: HourTable): number {
    const within = Math.min(Math.max(second, hours.first * 3600), hours.end * 3600 - 1);
    const hour = Math.floor(within / 3600);
    if (!this.#missingHours.has(hour)) return within;
    for (let away = 1; away < hours.end - hours.first; away++) {
      for (const other of [hour + away, hour - away]) {
        if (other >= hours.first && other < hours.end && !this.#missingHours.has(other)) {
          return other * 3600 + (within % 3600);
        }
      }
    }
    return within;
  }
}

/** Hours of some days of the month, to draw from. */
export interface HourTable {
  readonly first: number;
  readonly end: number;
  readonly table: WeightedTable;
}

const TWO = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, "0"));

export function secondOf(moment: number): number {
  return moment >>> BURST_BITS;
}

/** Number of the burst that a moment belongs to, from 1; 0 for none. */
export function burstOf(moment: number): number {
  return moment & MAX_BURSTS;
}

/** Hours of the month (local, from 0) of which the zone skips at least a part. */
function missingHours(year: number, month: number, days: number, timeZone: string): ReadonlySet<number> {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  const offsetMinutes = (at: number): number => {
    const name = format.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "GMT";
    const match = /^GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(name);
    const minutes = Number(match?.[2] ?? 0) * 60 + Number(match?.[3] ?? 0);
    return match?.[1] === "-" ? -minutes : minutes;
  };
  const missing = new Set<number>();
  const start = Date.UTC(year, month - 1, 1);
  const step = 15 * 60_000;
  let before = offsetMinutes(start - DAY * 1000);
  for (let at = start - DAY * 1000; at <= start + (days + 1) * DAY * 1000; at += step) {
    const offset = offsetMinutes(at);
    if (offset > before) {
      // At this instant local clocks jump from `at + before` to `at + offset`.
      const from = (at - start) / 60_000 + before;
      const to = (at - start) / 60_000 + offset;
      for (let hour = Math.floor(from / 60); hour * 60 < to; hour++) missing.add(hour);
    }
    before = offset;
  }
  return missing;
}
