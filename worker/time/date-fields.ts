import { localSeconds, type Calendar } from "./calendar.ts";
import { LEAP_FRACTION, type Instant } from "./instant.ts";
import type { ZoneClock } from "./time-zone.ts";

/** What a date's text says, part by part; what it does not say is undefined. */
export interface DateFields {
  /** Four digits, or two when `twoDigitYear` is set. */
  year?: number;
  twoDigitYear?: boolean;
  month?: number;
  day?: number;
  /** 1 to 366. */
  dayOfYear?: number;
  /** Year, number (1 to 53) and day (1 is Monday) of ISO 8601's weeks. */
  weekYear?: number;
  week?: number;
  weekday?: number;
  /** 0 to 23. */
  hour?: number;
  /** Hour of a half day, 0 to 12, beside `afternoon`. */
  halfdayHour?: number;
  afternoon?: boolean;
  minute?: number;
  second?: number;
  /** Digits behind the second. */
  fraction?: string;
  /** Seconds that the text's own zone is ahead of UTC; NaN when it names an offset that there is not. */
  offset?: number;
}

/** What is known of a line beside its text. */
export interface DateContext {
  /** Year, zone and clock changes of the line's file. */
  readonly calendar: Calendar;
  /** Byte offset of the line in its file: decides which of two equal local times it is. */
  readonly offset?: number;
}

/** What counts a local time without an offset: a zone's clock. */
export type LocalClock = (local: number) => number;

/**
 * The instant of a date's fields.
 *
 * - Without a year it is the one that the file's year rule gives; a year of two digits is the one of them nearest to the file's.
 * - A year without a month or day begins with its first; a day without a month is of the file's month; a time without any date is of
 *   the first day that the file's path names.
 * - A weekday beside a date must be the date's: a date that contradicts itself is none.
 * - Second 60 is a leap second and counts as the last thousandth of the one before.
 *
 * @returns undefined for a date that there is not: 30 February, 29 February in a year without one, 24:00
 */
export function instantOf(fields: DateFields, line: DateContext, clock: LocalClock): Instant | undefined {
  const midnight = midnightOf(fields, line.calendar);
  const hour = hourOf(fields);
  const { minute = 0, second = 0, fraction = "" } = fields;
  if (midnight === undefined || hour === undefined || minute > 59 || second > 60) return undefined;
  const leap = second === 60;
  const wall = midnight + hour * 3600 + minute * 60 + (leap ? 59 : second);
  const seconds = fields.offset === undefined ? clock(wall) : wall - fields.offset;
  if (!Number.isFinite(seconds)) return undefined;
  return { seconds, fraction: leap ? LEAP_FRACTION : fraction };
}

/** The clock of a line whose text and filter name no zone: the file's, which knows both times of an autumn night. */
export function fileClock(line: DateContext): LocalClock {
  return (local) => line.calendar.toUtc(local, line.offset);
}

/** The clock of a zone that somebody named; nothing tells which of two equal times a line means, so it is the first. */
export function zoneClock(zone: ZoneClock): LocalClock {
  return (local) => zone.toUtc(local);
}

/** Years of four digits, but the last one, in which no zone may step beyond them. */
const FIRST_YEAR = 1000;
const LAST_YEAR = 9998;
const DAY = 86_400;
const WEEK = 7;

/** The beginning of the day, as local seconds. */
function midnightOf(fields: DateFields, calendar: Calendar): number | undefined {
  const day = dayNumberOf(fields, calendar);
  if (day === undefined || (fields.weekday !== undefined && fields.weekday !== weekdayOf(day))) return undefined;
  return day * DAY;
}

/** Days since 1970. */
function dayNumberOf(fields: DateFields, calendar: Calendar): number | undefined {
  const { month, day, dayOfYear, week } = fields;
  const year = yearOf(fields, calendar);
  if (week !== undefined) return dayOfWeek(fields.weekYear ?? year ?? calendar.date.year, week, fields.weekday ?? 1);
  if (dayOfYear !== undefined) return dayOfYearNumber(year, dayOfYear, calendar);
  if (year !== undefined) return dayOf(year, month ?? 1, day ?? 1);
  if (month !== undefined) return dayOf(calendar.yearOf(month, day ?? 1), month, day ?? 1);
  const { date } = calendar;
  return dayOf(date.year, date.month, day ?? date.day);
}

/** The year that the text says; one of two digits is the one of them that is nearest to the file's, the past when two are. */
function yearOf({ year, twoDigitYear }: DateFields, calendar: Calendar): number | undefined {
  if (year === undefined || !twoDigitYear) return year;
  const about = calendar.date.year;
  const ahead = (((year - about) % 100) + 100) % 100;
  return about + (ahead >= 50 ? ahead - 100 : ahead);
}

function dayOf(year: number, month: number, day: number): number | undefined {
  if (year < FIRST_YEAR || year > LAST_YEAR) return undefined;
  const seconds = localSeconds(year, month, day, 0, 0, 0);
  return seconds === undefined ? undefined : seconds / DAY;
}

function dayOfYearNumber(year: number | undefined, dayOfYear: number, calendar: Calendar): number | undefined {
  // The month of the day in a common year says which year is meant, to a day.
  const common = new Date(Date.UTC(2013, 0, dayOfYear));
  const of = year ?? calendar.yearOf(common.getUTCMonth() + 1, common.getUTCDate());
  const first = dayOf(of, 1, 1);
  const next = dayOf(of + 1, 1, 1);
  if (first === undefined || next === undefined || dayOfYear < 1) return undefined;
  return first + dayOfYear - 1 < next ? first + dayOfYear - 1 : undefined;
}

/** A day of a week of ISO 8601: week 1 is the one that holds 4 January. */
function dayOfWeek(weekYear: number, week: number, weekday: number): number | undefined {
  const fourth = dayOf(weekYear, 1, 4);
  const nextFourth = dayOf(weekYear + 1, 1, 4);
  if (fourth === undefined || nextFourth === undefined || weekday < 1 || weekday > WEEK || week < 1) return undefined;
  const monday = mondayOf(fourth) + (week - 1) * WEEK;
  return monday < mondayOf(nextFourth) ? monday + weekday - 1 : undefined;
}

function mondayOf(day: number): number {
  return day - weekdayOf(day) + 1;
}

/** 1 is Monday. 1970 began with a Thursday. */
function weekdayOf(day: number): number {
  return ((((day + 3) % WEEK) + WEEK) % WEEK) + 1;
}

/** 0 to 23; undefined when there is no such hour. */
function hourOf({ hour, halfdayHour, afternoon }: DateFields): number | undefined {
  if (hour !== undefined) return hour < 24 ? hour : undefined;
  if (halfdayHour === undefined) return afternoon === true ? 12 : 0;
  return halfdayHour > 12 ? undefined : (halfdayHour % 12) + (afternoon === true ? 12 : 0);
}
