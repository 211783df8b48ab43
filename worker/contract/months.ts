/** A calendar month, `YYYY-MM`: the unit of a campaign. */
export type YearMonth = string;

const PATTERN = /^(\d{4})-(0[1-9]|1[0-2])$/;

/** True for `2013-01`; false for `2013-13`, `2013-1`, `13-01`. */
export function isYearMonth(text: string): text is YearMonth {
  return PATTERN.test(text);
}

/** `2013-01` → `{ year: 2013, month: 1 }`. @throws RangeError when it is not a month. */
export function splitMonth(month: YearMonth): { year: number; month: number } {
  const match = PATTERN.exec(month);
  if (!match) throw new RangeError(`not a month: ${month}`);
  return { year: Number(match[1]), month: Number(match[2]) };
}

/** The month `delta` months away: `addMonths("2013-01", -1)` is `2012-12`. */
export function addMonths(month: YearMonth, delta: number): YearMonth {
  const { year, month: m } = splitMonth(month);
  const index = year * 12 + (m - 1) + delta;
  return `${String(Math.floor(index / 12)).padStart(4, "0")}-${String((index % 12) + 1).padStart(2, "0")}`;
}

/** Days in the month, 28 to 31. */
export function daysInMonth(month: YearMonth): number {
  const { year, month: m } = splitMonth(month);
  return new Date(Date.UTC(year, m, 0)).getUTCDate();
}

/**
 * The days, `YYYY-MM-DD`, that get an index of their own: every day of the month,
 * and the day before and after it, since a time zone or a late log rotation moves
 * lines that far. Events further away go to the month's `-outside` index.
 */
export function indexedDays(month: YearMonth): readonly string[] {
  const { year, month: m } = splitMonth(month);
  const days: string[] = [];
  for (let day = 0; day <= daysInMonth(month) + 1; day++) {
    days.push(new Date(Date.UTC(year, m - 1, day)).toISOString().slice(0, 10));
  }
  return days;
}
