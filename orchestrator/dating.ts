import { daysInMonth, isYearMonth, type YearMonth } from "../worker/contract/months.ts";
import type { LayoutMatch } from "./layout.ts";

/** When the lines of a file were written, as far as its path and its date tell. */
export interface FileDating {
  readonly month: YearMonth;
  /** `YYYY-MM-DD` when the path names a day. */
  readonly day?: string;
  /** `YYYY-MM-DD`: no line is of a later day. Known when the month itself is the file's date's. */
  readonly lastDay?: string;
}

/** Where the year of a file comes from whose path names none: its date, or the configuration. */
export type YearSource = "file-date" | number;

/** 29 February comes after eight years at the latest: 1896 to 1904. */
const LEAP_YEARS_APART = 8;

/**
 * The month, and the day, of a file.
 *
 * - A path that names year and month says it all.
 * - With a month alone it is the last such month (and day, if it exists) up to the file's date, or of the configured year.
 * - With neither it is the month of the file's date; then that day, and the one after it for clocks that are ahead and zones, is the last that
 *   a line can be of, since such a file may hold lines of many months.
 *
 * Pure: the same path and date give the same.
 *
 * @param fileDate local day of the file's modification, `YYYY-MM-DD`
 * @returns undefined when there is no such day
 */
export function dateFile(match: LayoutMatch, fileDate: string, source: YearSource): FileDating | undefined {
  const { year, month, day } = match.named;
  if (month === undefined) return { month: fileDate.slice(0, 7), lastDay: dayAfter(fileDate) };
  if (year !== undefined) return dating(`${year}-${month}`, day);
  if (source !== "file-date") return dating(`${String(source)}-${month}`, day);
  const last = Number(fileDate.slice(0, 4));
  for (let back = 0; back <= LEAP_YEARS_APART; back++) {
    const found = dating(`${String(last - back).padStart(4, "0")}-${month}`, day);
    if (found && (found.day ?? found.month) <= fileDate.slice(0, found.day === undefined ? 7 : 10)) return found;
  }
  return undefined;
}

/** By time zone. Each takes some 10 KiB outside the heap, which no collection hurries to free, and 0.2 ms: too much for every file of an archive. */
const clocks = new Map<string, Intl.DateTimeFormat>();

/** The day, `YYYY-MM-DD`, on which a zone's clock showed the moment. */
export function localDay(millis: number, timeZone: string): string {
  let clock = clocks.get(timeZone);
  if (!clock) {
    // Sweden writes dates as ISO does.
    clock = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" });
    clocks.set(timeZone, clock);
  }
  return clock.format(millis);
}

function dating(month: string, day: string | undefined): FileDating | undefined {
  if (!isYearMonth(month) || Number(day ?? 1) > daysInMonth(month)) return undefined;
  return { month, ...(day === undefined ? {} : { day: `${month}-${day}` }) };
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
