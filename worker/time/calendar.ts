import type { Origin } from "../contract/chunk.ts";
import { indexNamesOf } from "../contract/index-names.ts";
import { indexedDays } from "../contract/months.ts";
import { ZoneClock, type Fold, type FoldedTime } from "./time-zone.ts";
import { yearRule, type YearRule } from "./year.ts";

const DAY = 86_400;
/** 15 minutes: what every offset and every change of one has been a multiple of for decades. Where not, nothing is cached. */
const QUARTER = 900;

/** Where in `Quarter.text` minutes, seconds and the fraction stand. */
export const MINUTE_AT = "2013-01-14T22:".length;
export const SECOND_AT = MINUTE_AT + 3;
export const FRACTION_AT = SECOND_AT + 2;

/** Fifteen minutes of UTC: everything about a line that depends on its time, but minute and second. */
export interface Quarter {
  /** `2013-01-14T22:00:00.000Z"`; minute and second are written over. */
  readonly text: Uint8Array;
  /** 0, 15, 30 or 45. */
  readonly minute: number;
  /** Position in `Calendar.indexNames`. */
  readonly index: number;
  /** The instant at which its hour begins: `hour + minute * 60 + second` is a line's. */
  readonly hour: number;
}

/** What of an origin a calendar is made from. */
export type CalendarOrigin = Pick<Origin, "month" | "firstDay" | "lastDay" | "timeZone" | "index" | "secondFolds">;

/**
 * The times of one month's files: which year a line without one means, which instant a local time is, which index an
 * instant belongs to. Everything is cached by quarters of an hour; the caches only repeat what would be computed.
 */
export class Calendar {
  /** The beginning of the first day that the path names: the time of a line that tells none. */
  readonly firstDay: { readonly quarter: Quarter; readonly minute: number; readonly second: number };
  /** The month's indices; the last one is for what is outside. */
  readonly indexNames: readonly string[];
  /** The first day that the path names, and the zone of local times. */
  readonly date: { readonly year: number; readonly month: number; readonly day: number };
  readonly timeZone: string;
  readonly #clock: ZoneClock;
  readonly #yearOf: YearRule;
  /** Where the second of two equal local times begins in the file. */
  readonly #secondFolds: readonly { readonly from: number; readonly offset: number }[];
  /** Day number (since 1970) of the first day that has an index. */
  readonly #firstIndexedDay: number;
  readonly #quarters = new Map<number, Quarter>();
  /**
   * By month, day, hour and quarter of a local time without a year: the quarter of UTC; `null` when there is no such day,
   * `"irregular"` when the wall clock is set within it or shows it twice, `undefined` when not asked for yet.
   */
  readonly #local: (Quarter | null | "irregular" | undefined)[] = new Array<undefined>(13 * 32 * 24 * 4);

  constructor(origin: CalendarOrigin) {
    this.timeZone = origin.timeZone;
    this.#clock = new ZoneClock(origin.timeZone);
    this.#yearOf = yearRule(origin);
    this.#secondFolds = (origin.secondFolds ?? []).filter(({ timeZone }) => timeZone === origin.timeZone);
    const [year, month, day] = origin.firstDay.split("-").map(Number) as [number, number, number];
    this.date = { year, month, day };
    this.indexNames = indexNamesOf(origin.index, origin.month);
    this.#firstIndexedDay = dayNumber(indexedDays(origin.month)[0]!);
    const start = this.#clock.toUtc(dayNumber(origin.firstDay) * DAY);
    const secondOfHour = start - Math.floor(start / 3600) * 3600;
    this.firstDay = {
      quarter: this.quarterAt(start),
      minute: Math.floor(secondOfHour / 60),
      second: secondOfHour % 60,
    };
  }

  /** The year of a date in a line that does not say it; see `yearRule`. The day need not exist in it. */
  yearOf(month: number, day: number): number {
    return this.#yearOf(month, day);
  }

  /**
   * The quarter of a local time without a year, when minute and second can be put into it as they are
   * (`quarter.minute + minute % 15`); `"irregular"` when `toUtc` must be asked for every line, `null` when there is no such day.
   * @param month 1–12; `day` 1–31, `hour` 0–23
   */
  localQuarter(month: number, day: number, hour: number, quarter: number): Quarter | null | "irregular" {
    const key = ((month * 32 + day) * 24 + hour) * 4 + quarter;
    const known = this.#local[key];
    if (known !== undefined) return known;
    const start = localSeconds(this.yearOf(month, day), month, day, hour, quarter * 15, 0);
    const found = start === undefined ? null : this.#regularQuarter(start);
    this.#local[key] = found;
    return found;
  }

  #regularQuarter(local: number): Quarter | "irregular" {
    const first = this.toUtc(local);
    const last = this.toUtc(local + QUARTER - 1);
    const once = this.foldAt(local) === undefined && this.foldAt(local + QUARTER - 1) === undefined;
    return once && last - first === QUARTER - 1 && first % QUARTER === 0 ? this.quarterAt(first) : "irregular";
  }

  /**
   * The instant (seconds of UTC) at which the wall clock shows `local`.
   * @param offset of the line in the file: of two such instants it is the first one unless the file has come to the second there
   */
  toUtc(local: number, offset = -1): number {
    return this.#clock.toUtc(local, this.#foldOf(local, offset));
  }

  #foldOf(local: number, offset: number): Fold {
    for (const second of this.#secondFolds) {
      if (offset >= second.offset && Math.abs(local - second.from) < DAY) return 1;
    }
    return 0;
  }

  /** The stretch around a local time that the wall clock shows twice, if it does. */
  foldAt(local: number): FoldedTime | undefined {
    return this.#clock.foldAt(local);
  }

  /** The quarter of an hour that an instant lies in. */
  quarterAt(utc: number): Quarter {
    const number = Math.floor(utc / QUARTER);
    const known = this.#quarters.get(number);
    if (known) return known;
    const start = number * QUARTER;
    const offset = this.#clock.offsetAt(start);
    const regular = offset % QUARTER === 0 && this.#clock.offsetAt(start + QUARTER - 1) === offset;
    const day = Math.floor((utc + this.#clock.offsetAt(utc)) / DAY) - this.#firstIndexedDay;
    const outside = this.indexNames.length - 1;
    const hour = new Date(start * 1000).toISOString().slice(0, "2013-01-14T22:".length);
    const quarter = {
      text: Buffer.from(`${hour}00:00.000Z"`),
      minute: (((start / 60) % 60) + 60) % 60,
      index: day >= 0 && day < outside ? day : outside,
      hour: Math.floor(start / 3600) * 3600,
    };
    if (regular) {
      // A month has 3,000; a file with random years must not fill the memory.
      if (this.#quarters.size >= 20_000) this.#quarters.clear();
      this.#quarters.set(number, quarter);
    }
    return quarter;
  }
}

/** Seconds since 1970 of a wall clock's time as if it showed UTC; undefined when there is no such day. */
export function localSeconds(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
}

/** Days from 1970-01-01 to a `YYYY-MM-DD`. */
export function dayNumber(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / 1000 / DAY;
}
