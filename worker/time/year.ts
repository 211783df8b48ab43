import { splitMonth, type YearMonth } from "../contract/months.ts";

/** What is known of when the lines of a file were written. */
export interface YearReference {
  /** The month of the file. */
  readonly month: YearMonth;
  /** `YYYY-MM-DD`: no line of the file is of a later day. Known where the year is the file's date's. */
  readonly lastDay?: string | undefined;
}

/**
 * The year of a date that does not say it (`Dec 31`), from what is known of its file.
 *
 * - Where the file's year is known from its path, or configured, the year that brings the date's month nearest to the file's:
 *   December lines in January's file are of the year before, January lines in December's of the year after. Half a year away
 *   on either side it is the past: logs come late, never early.
 * - Where it is the year of the file's modification, the last year that puts the date on or before that day: a line
 *   cannot be younger than its file, and may be nearly a year older.
 *
 * 29 February is no exception: a year that has none is not exchanged for one that has, since the nearest may be years away. Such a
 * date does not exist, and whoever reads it says so with a tag.
 */
export type YearRule = (month: number, day: number) => number;

/** @throws RangeError when the month is none */
export function yearRule({ month: fileMonth, lastDay }: YearReference): YearRule {
  if (lastDay !== undefined) {
    const [year, lastMonth, last] = lastDay.split("-").map(Number) as [number, number, number];
    return (month, day) => (month > lastMonth || (month === lastMonth && day > last) ? year - 1 : year);
  }
  const { year, month: inFile } = splitMonth(fileMonth);
  return (month) => {
    const ahead = month - inFile;
    return ahead >= 6 ? year - 1 : ahead < -6 ? year + 1 : year;
  };
}
