import { describe, expect, it } from "vitest";
import { formatDate, parseDatePattern, type DateDialect } from "../../../../worker/pipeline/date-format.ts";

const format = (timestamp: string, pattern: string, dialect: DateDialect) => {
  const parts = parseDatePattern(pattern, dialect);
  if ("problem" in parts) throw new Error(parts.problem);
  return formatDate(timestamp, parts, dialect);
};

// A Friday afternoon.
const TIME = "2013-01-04T13:05:09.045678Z";

describe("Joda-Time's patterns", () => {
  it.each([
    ["yyyy-MM-dd'T'HH:mm:ss.SSS", "2013-01-04T13:05:09.045"],
    ["yy YY y Y", "13 13 2013 2013"],
    ["M MM MMM MMMM", "1 01 Jan January"],
    ["d dd D DDD", "4 04 4 004"],
    ["E EEE EEEE e", "Fri Fri Friday 5"],
    ["H k K h a", "13 13 1 1 PM"],
    ["S SS SSS SSSSSS", "0 04 045 045000"],
    ["xxxx-'W'ww", "2013-W01"],
    ["CC G", "20 AD"],
    ["z Z ZZ ZZZ", "UTC +0000 +00:00 UTC"],
    ["zzzz", "Coordinated Universal Time"],
    ["'it''s' ''", "it's '"],
    ["yyyy年", "2013年"],
    ["", ""],
  ])("%s → %s", (pattern, expected) => {
    expect(format(TIME, pattern, "joda")).toBe(expected);
  });

  it.each([
    ["2012-01-01T00:00:00.000Z", "2011-W52 7"],
    ["2012-12-31T00:00:00.000Z", "2013-W01 1"],
    ["2009-12-31T00:00:00.000Z", "2009-W53 4"],
    ["1969-12-28T00:00:00.000Z", "1969-W52 7"],
    ["1970-01-01T00:00:00.000Z", "1970-W01 4"],
  ])("the week of %s", (time, expected) => {
    expect(format(time, "xxxx-'W'ww e", "joda")).toBe(expected);
  });

  it.each([
    ["2013-01-04T00:00:00.000Z", "24 0 12 AM"],
    ["2013-01-04T12:00:00.000Z", "12 0 12 PM"],
  ])("the hours of %s", (time, expected) => {
    expect(format(time, "k K h a", "joda")).toBe(expected);
  });

  it("counts the days of a leap year", () => {
    expect(format("2012-12-31T00:00:00.000Z", "D", "joda")).toBe("366");
  });
});

describe("java.time's patterns", () => {
  it.each([
    ["uuuu-MM-dd HH:mm:ss", "2013-01-04 13:05:09"],
    ["yy LLL LLLLL E EEEE EEEEE", "13 Jan J Fri Friday F"],
    ["SSS SSSSSS SSSSSSSSS n", "045 045678 045678000 45678000"],
    ["X x xx xxx Z ZZZZ ZZZZZ", "Z +00 +0000 +00:00 +0000 GMT Z"],
  ])("%s → %s", (pattern, expected) => {
    expect(format(TIME, pattern, "java")).toBe(expected);
  });
});

it.each([
  ["yyyy-bb", "joda", "letter b"],
  ["YYYY", "java", "letter Y"],
  ["e", "java", "letter e"],
  ["yyyy'", "joda", "closed"],
] as [string, DateDialect, string][])("%s is refused by %s", (pattern, dialect, why) => {
  expect(() => format(TIME, pattern, dialect)).toThrow(why);
});

it("a text that is no time gives nothing", () => {
  expect(format("yesterday", "yyyy", "joda")).toBe("");
  expect(format("", "yyyy", "java")).toBe("");
});
