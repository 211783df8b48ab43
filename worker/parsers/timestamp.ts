import { localSeconds, type Calendar, type Quarter } from "../time/calendar.ts";

const SPACE = 32;
const COLON = 58;
const DASH = 45;
const DOT = 46;
const PLUS = 43;

/** `scan` found nothing that looks like a timestamp. */
export const NO_TIMESTAMP = -1;
/** `scan` found the shape of a timestamp, but there is no such time. */
export const IMPOSSIBLE = -2;

/** Three letters as a number, lower case. */
function letters(text: string): number {
  return (text.charCodeAt(0) << 16) | (text.charCodeAt(1) << 8) | text.charCodeAt(2);
}

/** As they stand in lines, but small. */
export const MONTH_NAMES = [
  "jan",
  "feb",
  "mar",
  "apr",
  "may",
  "jun",
  "jul",
  "aug",
  "sep",
  "oct",
  "nov",
  "dec",
] as const;
const MONTHS = new Map(MONTH_NAMES.map((name, i) => [letters(name), i + 1]));

/**
 * Reads the timestamp of a line from its bytes, without an object per line: the result stands in the fields
 * until the next call.
 *
 * Two shapes, each followed by a blank or the end of the line:
 * - RFC 3164, `Jan  4 23:20:01`: local time without a year. One or two blanks, one or two digits, any case. As network devices write
 *   it, `Jan  4 2013 23:20:01`, it has a year. A colon may end it: `Jan  4 23:20:01:`.
 * - RFC 3339, `2013-01-04T23:20:01.123456+01:00`: fraction and offset may be absent; without one it is local time.
 *
 * Years before 1970 and after 9998 are impossible. Second 60 is a leap second and is kept as `:59.999`.
 */
export class TimestampScanner {
  #calendar: Calendar;
  #at = 0;
  #monthLetters = 0;
  #month = 0;
  /** The last date with a year, and the second at which it begins; undefined when there is no such day. */
  #date = 0;
  #midnight: number | undefined;

  quarter!: Quarter;
  minute = 0;
  second = 0;
  /** Whether the second is a leap second. */
  leap = false;
  /** What the wall clock showed, where it shows that twice or the line has a year and no offset; else NaN. */
  wall = NaN;
  /** Offset in the file of the line that is scanned, for such times; set by the caller. */
  lineOffset = 0;
  /** The digits of the fraction; equal when there is none. */
  fractionStart = 0;
  fractionEnd = 0;

  constructor(calendar: Calendar) {
    this.#calendar = calendar;
  }

  /**
   * @returns the position behind the timestamp, `NO_TIMESTAMP` or `IMPOSSIBLE`
   */
  scan(src: Buffer, at: number, end: number): number {
    this.#at = at;
    this.wall = NaN;
    // The shortest is `Jan 4 23:20:01`.
    if (end - at < 14) return NO_TIMESTAMP;
    const first = src[at]! | 32;
    if (first >= 97 && first <= 122) return this.#scanTraditional(src, at, end);
    return isDigit(src[at]!) ? this.#scanIso(src, at, end) : NO_TIMESTAMP;
  }

  /** Scans again what was scanned last, as a time of another calendar of the same file: another zone's. */
  rescan(calendar: Calendar, src: Buffer, end: number): void {
    const own = this.#calendar;
    this.#calendar = calendar;
    this.scan(src, this.#at, end);
    this.#calendar = own;
  }

  #scanTraditional(src: Buffer, start: number, end: number): number {
    const second = src[start + 1]! | 32;
    const third = src[start + 2]! | 32;
    if (second < 97 || second > 122 || third < 97 || third > 122 || src[start + 3] !== SPACE) return NO_TIMESTAMP;
    let at = start + 4;
    if (src[at] === SPACE) at++;
    let day = src[at++]! - 48;
    if (day < 0 || day > 9) return NO_TIMESTAMP;
    if (src[at] !== SPACE) {
      const unit = src[at++]! - 48;
      if (unit < 0 || unit > 9) return NO_TIMESTAMP;
      day = day * 10 + unit;
    }
    let year = -1;
    if (src[at + 3] !== COLON) {
      year = fourDigits(src, at + 1);
      if (year < 0 || src[at] !== SPACE) return NO_TIMESTAMP;
      at += 5;
    }
    let stop = at + 9;
    if (stop > end || src[at] !== SPACE || src[at + 3] !== COLON || src[at + 6] !== COLON) return NO_TIMESTAMP;
    const hour = twoDigits(src, at + 1);
    const minute = twoDigits(src, at + 4);
    const seconds = twoDigits(src, at + 7);
    if (stop < end && src[stop] !== SPACE) {
      if (src[stop] !== COLON) return NO_TIMESTAMP;
      stop++;
      if (stop < end && src[stop] !== SPACE) return NO_TIMESTAMP;
    }
    if (hour < 0 || minute < 0 || seconds < 0) return NO_TIMESTAMP;

    const name = ((src[start]! | 32) << 16) | (second << 8) | third;
    if (name !== this.#monthLetters) {
      this.#monthLetters = name;
      this.#month = MONTHS.get(name) ?? 0;
    }
    const month = this.#month;
    if (month === 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || seconds > 60) return IMPOSSIBLE;
    this.fractionStart = this.fractionEnd = 0;
    this.leap = seconds === 60;
    this.second = this.leap ? 59 : seconds;
    if (year >= 0) {
      const midnight = this.#midnightOf(year, month, day);
      if (midnight === undefined) return IMPOSSIBLE;
      this.#takeLocal(midnight + hour * 3600 + minute * 60 + this.second);
      return stop;
    }
    const quarter = this.#calendar.localQuarter(month, day, hour, (minute / 15) | 0);
    if (quarter === null) return IMPOSSIBLE;
    if (quarter === "irregular") {
      const local = localSeconds(this.#calendar.yearOf(month, day), month, day, hour, minute, this.second)!;
      this.#takeLocal(local);
    } else {
      this.quarter = quarter;
      this.minute = quarter.minute + (minute % 15);
    }
    return stop;
  }

  #scanIso(src: Buffer, start: number, end: number): number {
    let at = start + 19;
    if (at > end || src[start + 4] !== DASH || src[start + 7] !== DASH || src[start + 10] !== 84) return NO_TIMESTAMP;
    if (src[start + 13] !== COLON || src[start + 16] !== COLON) return NO_TIMESTAMP;
    const year = fourDigits(src, start);
    const month = twoDigits(src, start + 5);
    const day = twoDigits(src, start + 8);
    const hour = twoDigits(src, start + 11);
    const minute = twoDigits(src, start + 14);
    const seconds = twoDigits(src, start + 17);
    if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || seconds < 0) return NO_TIMESTAMP;
    this.fractionStart = this.fractionEnd = 0;
    if (at < end && src[at] === DOT) {
      this.fractionStart = ++at;
      while (at < end && isDigit(src[at]!)) at++;
      this.fractionEnd = at;
      if (this.fractionEnd === this.fractionStart) return NO_TIMESTAMP;
    }

    let offset = 0;
    let local = true;
    let impossibleOffset = false;
    if (at < end && src[at] === 90) {
      local = false;
      at++;
    } else if (at < end && (src[at] === PLUS || src[at] === DASH)) {
      const minutesAt = at + 3 < end && src[at + 3] === COLON ? at + 4 : at + 3;
      if (minutesAt + 2 > end) return NO_TIMESTAMP;
      const hours = twoDigits(src, at + 1);
      const minutes = twoDigits(src, minutesAt);
      if (hours < 0 || minutes < 0) return NO_TIMESTAMP;
      impossibleOffset = hours > 23 || minutes > 59;
      offset = (hours * 60 + minutes) * (src[at] === PLUS ? 60 : -60);
      local = false;
      at = minutesAt + 2;
    }
    if (at < end && src[at] !== SPACE) return NO_TIMESTAMP;

    if (hour > 23 || minute > 59 || seconds > 60 || impossibleOffset) return IMPOSSIBLE;
    const midnight = this.#midnightOf(year, month, day);
    if (midnight === undefined) return IMPOSSIBLE;
    this.leap = seconds === 60;
    const wall = midnight + hour * 3600 + minute * 60 + (this.leap ? 59 : seconds);
    if (local) this.#takeLocal(wall);
    else this.#take(wall - offset);
    return at;
  }

  /** The beginning of a day as if it were in UTC; undefined when there is none, or its year cannot be. */
  #midnightOf(year: number, month: number, day: number): number | undefined {
    const date = year * 512 + month * 32 + day;
    if (date !== this.#date) {
      this.#date = date;
      const possible = year >= 1970 && year <= 9998 && month >= 1 && month <= 12;
      this.#midnight = possible ? localSeconds(year, month, day, 0, 0, 0) : undefined;
    }
    return this.#midnight;
  }

  #takeLocal(wall: number): void {
    this.wall = wall;
    this.#take(this.#calendar.toUtc(wall, this.lineOffset));
  }

  #take(utc: number): void {
    this.quarter = this.#calendar.quarterAt(utc);
    const secondOfHour = utc - Math.floor(utc / 3600) * 3600;
    this.minute = Math.floor(secondOfHour / 60);
    this.second = secondOfHour % 60;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

/** The number of two digits, or something below 0. */
function twoDigits(src: Buffer, at: number): number {
  const tens = src[at]! - 48;
  const units = src[at + 1]! - 48;
  return tens < 0 || tens > 9 || units < 0 || units > 9 ? -1 : tens * 10 + units;
}

/** The number of four digits, or something below 0. */
function fourDigits(src: Buffer, at: number): number {
  const high = twoDigits(src, at);
  const low = twoDigits(src, at + 2);
  return high < 0 || low < 0 ? -1 : high * 100 + low;
}
