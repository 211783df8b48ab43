import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../worker/contract/errors.ts";
import { Calendar, type CalendarOrigin } from "../../../../worker/time/calendar.ts";
import type { DateContext } from "../../../../worker/time/date-fields.ts";
import { compileDateFormat } from "../../../../worker/time/date-format.ts";
import { isoInstant } from "../../../../worker/time/instant.ts";

const SYSLOG = ["MMM dd HH:mm:ss", "MMM  d HH:mm:ss"];
const APACHE = ["dd/MMM/yyyy:HH:mm:ss Z"];
const PBS = ["MM/dd/yyyy HH:mm:ss", "MM/dd/yyyy HH:mm:ss.SSSSSS"];

function lineOf(origin: Partial<CalendarOrigin> = {}): DateContext {
  const month = origin.month ?? "2013-01";
  const index = { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 };
  return { calendar: new Calendar({ month, firstDay: `${month}-01`, timeZone: "Europe/Prague", index, ...origin }) };
}

const january = lineOf();

function read(formats: string | readonly string[], text: string | number, line = january): string | undefined {
  const instant = compileDateFormat(typeof formats === "string" ? [formats] : formats)(text, line);
  return instant && isoInstant(instant);
}

describe("ISO8601", () => {
  it.each([
    // What Logstash's own tests of the format take.
    ["2001-01-01T00:00:00-0800", "2001-01-01T08:00:00.000Z"],
    ["1974-03-02T04:09:09-0800", "1974-03-02T12:09:09.000Z"],
    ["2010-05-03T08:18:18+00:00", "2010-05-03T08:18:18.000Z"],
    ["2004-07-04T12:27:27-00:00", "2004-07-04T12:27:27.000Z"],
    ["2001-12-07T23:54:54Z", "2001-12-07T23:54:54.000Z"],
    ["2004-07-04T12:27:27.123-04:00", "2004-07-04T16:27:27.123Z"],
    ["2001-09-05T16:36:36.123+0700", "2001-09-05T09:36:36.123Z"],
    ["2001-12-07T23:54:54,123Z", "2001-12-07T23:54:54.123Z"],
    ["2001-11-06 20:45:45.123-0000", "2001-11-06T20:45:45.123Z"],
    ["2001-11-06 20:45:45,123", "2001-11-06T19:45:45.123Z"],
    // Fractions of every length
    ["2013-01-14T23:20:01.1Z", "2013-01-14T23:20:01.100Z"],
    ["2013-01-14T23:20:01.123456Z", "2013-01-14T23:20:01.123456Z"],
    ["2013-01-14T23:20:01.123456789Z", "2013-01-14T23:20:01.123456789Z"],
    ["2013-01-14T23:20:01.123456789987Z", "2013-01-14T23:20:01.123456789Z"],
    ["2013-01-14T23:20:01.000001+01:00", "2013-01-14T22:20:01.000001Z"],
    // Cut short
    ["2013", "2012-12-31T23:00:00.000Z"],
    ["2013-07", "2013-06-30T22:00:00.000Z"],
    ["2013-01-14", "2013-01-13T23:00:00.000Z"],
    ["2013-01-14T", "2013-01-13T23:00:00.000Z"],
    ["2013-01-14TZ", "2013-01-14T00:00:00.000Z"],
    ["2013-01-14T23", "2013-01-14T22:00:00.000Z"],
    ["2013-01-14T23Z", "2013-01-14T23:00:00.000Z"],
    ["2013-01-14T23:20", "2013-01-14T22:20:00.000Z"],
    ["2013-01-14T23:20+05:45", "2013-01-14T17:35:00.000Z"],
    ["2013-01-14T10.5Z", "2013-01-14T10:30:00.000Z"],
    ["2013-01-14T10:30.25Z", "2013-01-14T10:30:15.000Z"],
    ["2013-01-14T10:30.001Z", "2013-01-14T10:30:00.060Z"],
    // Other calendars
    ["2013-014T10:00:00Z", "2013-01-14T10:00:00.000Z"],
    ["2012-366T10:00:00Z", "2012-12-31T10:00:00.000Z"],
    ["2013-W03-1T10:00:00Z", "2013-01-14T10:00:00.000Z"],
    ["2009-W53-7T10:00:00Z", "2010-01-03T10:00:00.000Z"],
    ["2013-W01", "2012-12-30T23:00:00.000Z"],
    ["T10:00", "2013-01-01T09:00:00.000Z"],
    // The basic form
    ["20130114T232001Z", "2013-01-14T23:20:01.000Z"],
    ["20130114T232001.5+0100", "2013-01-14T22:20:01.500Z"],
    ["20130114", "2013-01-13T23:00:00.000Z"],
    ["2013-01-14t23:20:01z", "2013-01-14T23:20:01.000Z"],
    // Edges
    ["2012-02-29T12:00:00Z", "2012-02-29T12:00:00.000Z"],
    ["2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"],
    ["2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999Z"],
    ["9998-12-31T23:59:59Z", "9998-12-31T23:59:59.000Z"],
    ["2013-01-14T23:20:01-12:00", "2013-01-15T11:20:01.000Z"],
  ])("%s", (text, expected) => expect(read("ISO8601", text)).toBe(expected));

  it.each([
    "",
    "T",
    " ",
    "2013-13-01",
    "2013-02-29",
    "2013-02-30T00:00:00Z",
    "2013-01-14T24:00:00Z",
    "2013-01-14T23:60:00Z",
    "2013-01-14T23:20:61Z",
    "2013-01-14T23:20:01+24:00",
    "2013-01-14T23:20:01+00:60",
    "2013-01-14T23:20:01 Z",
    "2013-01-14T23:20:01.Z",
    "2013-01-14T23:20:01Zz",
    "2013-366",
    "2013-000",
    "2013-W54-1",
    "2013-W53-1",
    "2013-W01-8",
    "13-01-14",
    "0999-12-31",
    "9999-01-01",
    "2013-01-14T23:20:01\n",
    "Jan 14 23:20:01",
    `2013-01-14T23:20:01.${"1".repeat(300)}`,
  ])("no time: %j", (text) => expect(read("ISO8601", text)).toBeUndefined());
});

describe("epochs", () => {
  it.each<[string, string | number, string | undefined]>([
    ["UNIX", "1326149001", "2012-01-09T22:43:21.000Z"],
    ["UNIX", 1326149001, "2012-01-09T22:43:21.000Z"],
    ["UNIX", "1326149001.132", "2012-01-09T22:43:21.132Z"],
    ["UNIX", 1326149001.132, "2012-01-09T22:43:21.132Z"],
    ["UNIX", "1326149001.123456", "2012-01-09T22:43:21.123456Z"],
    ["UNIX", "1326149001.", "2012-01-09T22:43:21.000Z"],
    ["UNIX", "0", "1970-01-01T00:00:00.000Z"],
    ["UNIX", "-1", "1969-12-31T23:59:59.000Z"],
    ["UNIX", "-1.25", "1969-12-31T23:59:58.750Z"],
    ["UNIX", "-0.000001", "1969-12-31T23:59:59.999999Z"],
    ["UNIX", "-1.000", "1969-12-31T23:59:59.000Z"],
    ["UNIX", 0.0000001, "1970-01-01T00:00:00.000000100Z"],
    ["UNIX", "1.3e9", undefined],
    ["UNIX", "", undefined],
    ["UNIX", "12x", undefined],
    ["UNIX", "9999999999999999", undefined],
    ["UNIX", NaN, undefined],
    ["UNIX", Infinity, undefined],
    ["UNIX", 1e300, undefined],
    ["UNIX_MS", "1326149001132", "2012-01-09T22:43:21.132Z"],
    ["UNIX_MS", 1326149001132, "2012-01-09T22:43:21.132Z"],
    ["UNIX_MS", "-1", "1969-12-31T23:59:59.999Z"],
    ["UNIX_MS", "1326149001.132", undefined],
    ["UNIX_MS", "9007199254740993", undefined],
    ["TAI64N", "4000000050d506482dbdf024", "2012-12-22T01:00:46.767422500Z"],
    ["TAI64N", "@4000000050d506482dbdf024", "2012-12-22T01:00:46.767422500Z"],
    ["TAI64N", "@4000000050D506482DBDF024", "2012-12-22T01:00:46.767422500Z"],
    ["TAI64N", "@400000000000000a00000000", "1970-01-01T00:00:00.000000000Z"],
    ["TAI64N", "@4000000050d506483b9aca00", undefined],
    ["TAI64N", "@4000000050d506482dbdf0", undefined],
    ["TAI64N", "@ffffffffffffffff00000000", undefined],
    ["TAI64N", "@@000000050d506482dbdf024", undefined],
  ])("%s %j", (format, text, expected) => expect(read(format, text)).toBe(expected));
});

describe("patterns", () => {
  it.each<[string | readonly string[], string, string | undefined]>([
    // syslog
    [SYSLOG, "Jan 14 23:20:01", "2013-01-14T22:20:01.000Z"],
    [SYSLOG, "Jan  4 23:20:01", "2013-01-04T22:20:01.000Z"],
    [SYSLOG, "Jan 4 23:20:01", "2013-01-04T22:20:01.000Z"],
    [SYSLOG, "jan 14 23:20:01", "2013-01-14T22:20:01.000Z"],
    [SYSLOG, "JANUARY 14 23:20:01", "2013-01-14T22:20:01.000Z"],
    [SYSLOG, "Jan   4 23:20:01", undefined],
    [SYSLOG, "Jan 14 23:20:01 ", undefined],
    [SYSLOG, "Foo 14 23:20:01", undefined],
    [SYSLOG, "Jan 32 23:20:01", undefined],
    [SYSLOG, "Jan 14 24:20:01", undefined],
    [SYSLOG, "Jan 14 23:59:60", "2013-01-14T22:59:59.999Z"],
    ["MMM d HH:mm:ss.SSSSSS", "Jan 14 23:20:01.000042", "2013-01-14T22:20:01.000042Z"],
    ["MMM d yyyy HH:mm:ss", "Jan 14 2011 23:20:01", "2011-01-14T22:20:01.000Z"],
    // Apache
    [APACHE, "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36.000Z"],
    [APACHE, "14/Jan/2013:23:20:01 +0100", "2013-01-14T22:20:01.000Z"],
    [APACHE, "14/Jan/2013:23:20:01 +01:00", "2013-01-14T22:20:01.000Z"],
    [APACHE, "14/Jan/2013:23:20:01 Z", "2013-01-14T23:20:01.000Z"],
    [APACHE, "14/Jan/2013:23:20:01", undefined],
    [APACHE, "31/Feb/2013:23:20:01 +0100", undefined],
    [APACHE, "14/Jan/2013:23:20:01 +9900", undefined],
    // PBS
    [PBS, "01/14/2013 23:20:01", "2013-01-14T22:20:01.000Z"],
    [PBS, "07/14/2013 00:00:00", "2013-07-13T22:00:00.000Z"],
    [PBS, "01/14/2013 23:20:01.123456", "2013-01-14T22:20:01.123456Z"],
    [PBS, "01/14/2013 23:20:01.1", "2013-01-14T22:20:01.100Z"],
    [PBS, "01/14/2013 23:20:01.1234567", undefined],
    [PBS, "14/01/2013 23:20:01", undefined],
    [PBS, "01/14/13 23:20:01", undefined],
    // Each letter
    ["yyyyMMddHHmmss", "20130114232001", "2013-01-14T22:20:01.000Z"],
    ["yyyyMMdd'T'HHmmss.SSS", "20130114T232001.007", "2013-01-14T22:20:01.007Z"],
    ["YYYY-MM-dd", "2013-01-14", "2013-01-13T23:00:00.000Z"],
    ["yy-MM-dd", "12-12-31", "2012-12-30T23:00:00.000Z"],
    ["yy-MM-dd", "99-12-31", "1999-12-30T23:00:00.000Z"],
    ["yy-MM-dd", "62-12-31", "2062-12-30T23:00:00.000Z"],
    ["yy-MM-dd", "63-12-31", "1963-12-30T23:00:00.000Z"],
    ["yy-MM-dd", "2012-12-31", "2012-12-30T23:00:00.000Z"],
    ["yyMMdd", "130114", "2013-01-13T23:00:00.000Z"],
    ["yyyy-D", "2012-366", "2012-12-30T23:00:00.000Z"],
    ["yyyy-D", "2013-366", undefined],
    ["D HH:mm", "365 12:00", "2012-12-30T11:00:00.000Z"],
    ["xxxx-'W'ww-e", "2013-W03-1", "2013-01-13T23:00:00.000Z"],
    ["EEE MMM d HH:mm:ss yyyy", "Mon Jan 14 23:20:01 2013", "2013-01-14T22:20:01.000Z"],
    ["EEEE, dd MMMM yyyy", "Monday, 14 January 2013", "2013-01-13T23:00:00.000Z"],
    ["EEE MMM d HH:mm:ss yyyy", "Tue Jan 14 23:20:01 2013", undefined],
    ["EEE MMM d HH:mm:ss", "Tue Jan 14 23:20:01", undefined],
    ["dd.MM.yyyy hh:mm:ss a", "14.01.2013 11:20:01 PM", "2013-01-14T22:20:01.000Z"],
    ["dd.MM.yyyy hh:mm:ss a", "14.01.2013 12:20:01 AM", "2013-01-13T23:20:01.000Z"],
    ["dd.MM.yyyy hh:mm:ss a", "14.01.2013 12:20:01 pm", "2013-01-14T11:20:01.000Z"],
    ["dd.MM.yyyy hh:mm:ss a", "14.01.2013 13:20:01 PM", undefined],
    ["dd.MM.yyyy hh:mm:ss a", "14.01.2013 00:20:01 PM", undefined],
    ["dd.MM.yyyy KK:mm a", "14.01.2013 00:20 PM", "2013-01-14T11:20:00.000Z"],
    ["dd.MM.yyyy KK:mm a", "14.01.2013 12:20 PM", undefined],
    ["dd.MM.yyyy kk:mm", "14.01.2013 24:20", "2013-01-13T23:20:00.000Z"],
    ["dd.MM.yyyy kk:mm", "14.01.2013 00:20", undefined],
    ["yyyy-MM-dd HH:mm:ss,SSS", "2013-01-14 23:20:01,123", "2013-01-14T22:20:01.123Z"],
    ["yyyy-MM-dd HH:mm:ss ZZ", "2013-01-14 23:20:01 +05:30", "2013-01-14T17:50:01.000Z"],
    ["yyyy-MM-dd HH:mm:ss ZZZ", "2013-01-14 23:20:01 America/New_York", "2013-01-15T04:20:01.000Z"],
    ["yyyy-MM-dd HH:mm:ss ZZZ", "2013-01-14 23:20:01 UTC", "2013-01-14T23:20:01.000Z"],
    ["yyyy-MM-dd HH:mm:ss ZZZ", "2013-01-14 23:20:01 -03:30", "2013-01-15T02:50:01.000Z"],
    ["yyyy-MM-dd HH:mm:ss ZZZ", "2013-01-14 23:20:01 Mars/Olympus", undefined],
    ["HH:mm:ss", "23:20:01", "2013-01-01T22:20:01.000Z"],
    ["d HH:mm", "14 23:20", "2013-01-14T22:20:00.000Z"],
    ["MMM yyyy", "Jul 2013", "2013-06-30T22:00:00.000Z"],
    ["yyyy", "13", undefined],
    // Literals
    ["yyyy'年'MM'月'dd'日'", "2013年01月14日", "2013-01-13T23:00:00.000Z"],
    ["yyyy ''MM'' 'o''clock' HH", "2013 '01' O'CLOCK 05", "2013-01-01T04:00:00.000Z"],
    ["[yyyy-MM-dd](HH:mm)*+?^$.|\\", "[2013-01-14](23:20)*+?^$.|\\", "2013-01-14T22:20:00.000Z"],
    ["yyyy.MM", "2013x01", undefined],
    // The first that fits
    [["ISO8601", "UNIX", ...SYSLOG], "Jan 14 23:20:01", "2013-01-14T22:20:01.000Z"],
    [["ISO8601", "UNIX", ...SYSLOG], "1326149001", "2012-01-09T22:43:21.000Z"],
    [["UNIX", "ISO8601"], "2013", "1970-01-01T00:33:33.000Z"],
    // Garbage
    [SYSLOG, "", undefined],
    [SYSLOG, "\0", undefined],
    [SYSLOG, "ſan 14 23:20:01", undefined],
    [SYSLOG, `Jan 14 23:20:01${" ".repeat(1_000_000)}`, undefined],
  ])("%j reads %j", (formats, text, expected) => expect(read(formats, text)).toBe(expected));

  it.each([
    ["cs", "d. MMMM yyyy", "14. ledna 2013", "2013-01-13T23:00:00.000Z"],
    ["cs", "d. MMMM yyyy", "14. LEDEN 2013", "2013-01-13T23:00:00.000Z"],
    ["cs", "EEEE d. MMMM yyyy", "pondělí 14. ledna 2013", "2013-01-13T23:00:00.000Z"],
    ["cs", "MMM dd HH:mm:ss", "Jan 14 23:20:01", "2013-01-14T22:20:01.000Z"],
    ["de", "dd. MMM yyyy", "14. März 2013", "2013-03-13T23:00:00.000Z"],
    ["de", "dd. MMM yyyy", "14. Sept. 2013", "2013-09-13T22:00:00.000Z"],
    ["fr", "dd MMM yyyy", "14 févr. 2013", "2013-02-13T23:00:00.000Z"],
  ])("in %s %j reads %j", (locale, pattern, text, expected) => {
    const instant = compileDateFormat([pattern], { locale })(text, january);
    expect(instant && isoInstant(instant)).toBe(expected);
  });

  it("a zone that is named holds for dates without an offset", () => {
    const reader = compileDateFormat(["ISO8601"], { zone: "America/New_York" });
    expect(isoInstant(reader("2013-01-14T23:20:01", january)!)).toBe("2013-01-15T04:20:01.000Z");
    expect(isoInstant(reader("2013-01-14T23:20:01Z", january)!)).toBe("2013-01-14T23:20:01.000Z");
  });

  it("keep the digits of a fraction as they are", () => {
    const reader = compileDateFormat(["ss.SSSSSSSSSSSS"]);
    expect(reader("01.000000000001", january)?.fraction).toBe("000000000001");
    expect(compileDateFormat(["ISO8601"])("2013-01-14T23:20:01.1200Z", january)).toEqual({
      seconds: 1358205601,
      fraction: "1200",
    });
  });

  it("read what they write", () => {
    const reader = compileDateFormat(["yyyy-MM-dd HH:mm:ss.SSS"]);
    const utc = lineOf({ timeZone: "UTC" });
    fc.assert(
      fc.property(
        fc.date({ min: new Date("1000-01-01"), max: new Date("9998-12-31"), noInvalidDate: true }),
        (date) => {
          const text = date.toISOString().replace("T", " ").slice(0, -1);
          expect(isoInstant(reader(text, utc)!)).toBe(date.toISOString());
        },
      ),
    );
  });

  it("never throw on what a line says", () => {
    const readers = [
      ["ISO8601"],
      ["UNIX"],
      ["UNIX_MS"],
      ["TAI64N"],
      SYSLOG,
      APACHE,
      ["EEE a D yy ZZZ"],
      ["xxxx ww e"],
    ].map((formats) => compileDateFormat(formats));
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom("Jan", "Mon", "AM", "2013", "-", ":", "T", "Z", "+01:00", "99", " ", "."),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        for (const reader of readers) {
          const instant = reader(pieces.join(""), january);
          if (instant) expect(Number.isInteger(instant.seconds) && /^\d*$/.test(instant.fraction)).toBe(true);
        }
      }),
    );
  });
});

describe("what a date does not say comes from the line's file", () => {
  const prague = (second: string) => ({
    timeZone: "Europe/Prague",
    month: "2013-10",
    secondFolds: [{ timeZone: "Europe/Prague", from: Date.parse(`${second}Z`) / 1000, offset: 1000 }],
  });
  const autumn = prague("2013-10-27T02:00:00");

  it.each<[string, Partial<CalendarOrigin>, string, string | undefined]>([
    // The year: from the path's month, or up to the file's date
    ["December in January's file", { month: "2013-01" }, "Dec 31 23:59:59", "2012-12-31T22:59:59.000Z"],
    ["January in December's file", { month: "2012-12" }, "Jan  1 00:00:00", "2012-12-31T23:00:00.000Z"],
    ["half a year back", { month: "2013-01" }, "Jul  1 00:00:00", "2012-06-30T22:00:00.000Z"],
    ["less than that ahead", { month: "2013-01" }, "Jun 30 00:00:00", "2013-06-29T22:00:00.000Z"],
    ["the leap day", { month: "2012-02" }, "Feb 29 12:00:00", "2012-02-29T11:00:00.000Z"],
    ["no leap day", { month: "2013-02" }, "Feb 29 12:00:00", undefined],
    ["no leap day in 1900", { month: "1900-02", timeZone: "UTC" }, "Feb 29 12:00:00", undefined],
    ["a leap day in 2000", { month: "2000-02", timeZone: "UTC" }, "Feb 29 12:00:00", "2000-02-29T12:00:00.000Z"],
    ["the file's last day", { month: "2013-03", lastDay: "2013-03-05" }, "Mar  5 12:00:00", "2013-03-05T11:00:00.000Z"],
    ["the day behind it", { month: "2013-03", lastDay: "2013-03-05" }, "Mar  6 12:00:00", "2012-03-06T11:00:00.000Z"],
    // The clock is set forward
    ["before it", { month: "2013-03" }, "Mar 31 01:59:59", "2013-03-31T00:59:59.000Z"],
    ["a time that is skipped", { month: "2013-03" }, "Mar 31 02:30:00", "2013-03-31T01:30:00.000Z"],
    ["after it", { month: "2013-03" }, "Mar 31 03:00:00", "2013-03-31T01:00:00.000Z"],
    // It is set back
    ["before the equal hours", autumn, "Oct 27 01:59:59", "2013-10-26T23:59:59.000Z"],
    ["the first one", autumn, "Oct 27 02:30:00", "2013-10-27T00:30:00.000Z"],
    ["after them", autumn, "Oct 27 03:00:00", "2013-10-27T02:00:00.000Z"],
    // Other zones
    ["half hours", { month: "2013-07", timeZone: "America/St_Johns" }, "Jul 14 12:00:00", "2013-07-14T14:30:00.000Z"],
    [
      "a skipped half hour",
      { month: "2013-10", timeZone: "Australia/Lord_Howe" },
      "Oct  6 02:15:00",
      "2013-10-05T15:45:00.000Z",
    ],
    [
      "half an hour twice",
      { month: "2013-04", timeZone: "Australia/Lord_Howe" },
      "Apr  7 01:45:00",
      "2013-04-06T14:45:00.000Z",
    ],
    [
      "summer in January",
      { month: "2013-01", timeZone: "Australia/Sydney" },
      "Jan 14 12:00:00",
      "2013-01-14T01:00:00.000Z",
    ],
    [
      "winter in July",
      { month: "2013-07", timeZone: "Australia/Sydney" },
      "Jul 14 12:00:00",
      "2013-07-14T02:00:00.000Z",
    ],
    [
      "a midnight that is skipped",
      { month: "2013-10", timeZone: "America/Sao_Paulo" },
      "Oct 20 00:30:00",
      "2013-10-20T03:30:00.000Z",
    ],
    [
      "quarters of an hour",
      { month: "2013-01", timeZone: "Asia/Kathmandu" },
      "Jan 14 12:00:00",
      "2013-01-14T06:15:00.000Z",
    ],
  ])("%s: %j %s", (_, origin, text, expected) => {
    expect(read(SYSLOG, text, lineOf(origin))).toBe(expected);
  });

  it.each([
    [999, "Oct 27 02:30:00", "2013-10-27T00:30:00.000Z"],
    [1000, "Oct 27 02:30:00", "2013-10-27T01:30:00.000Z"],
    [1000, "Oct 27 02:00:00", "2013-10-27T01:00:00.000Z"],
    [1000, "Oct 27 01:59:59", "2013-10-26T23:59:59.000Z"],
    [1000, "Oct 27 03:00:00", "2013-10-27T02:00:00.000Z"],
    [undefined, "Oct 27 02:30:00", "2013-10-27T00:30:00.000Z"],
  ])("at byte %s %s is %s", (offset, text, expected) => {
    const { calendar } = lineOf(autumn);
    expect(read(SYSLOG, text, offset === undefined ? { calendar } : { calendar, offset })).toBe(expected);
  });
});

describe("formats that are refused", () => {
  it.each([
    ["an unknown letter, with its column", ["yyyy-QQ"], {}, /"yyyy-QQ": Q at column 6 /],
    ["a letter that cannot be read", ["HH:mm z"], {}, /z at column 7/],
    ["text without quotes", ["yyyyTHH"], {}, /T at column 5 .* single quotes/],
    ["an open quote", ["yyyy 'x"], {}, /quote at column 6 is not closed/],
    ["no format", [], {}, /without a format/],
    ["a zone that there is not", ["ISO8601"], { zone: "Europe/Pragu" }, /"Europe\/Pragu" is not a time zone/],
    ["a locale that there is not", ["ISO8601"], { locale: "not a tag" }, /"not a tag" is not a language/],
  ])("%s", (_, formats, options, message) => {
    const compile = () => compileDateFormat(formats, options);
    expect(compile).toThrow(ConfigError);
    expect(compile).toThrow(message);
    expect(compile).toThrow(expect.objectContaining({ code: "DATE_FORMAT_INVALID" }));
  });
});
