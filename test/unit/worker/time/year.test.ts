import { describe, expect, it } from "vitest";
import { yearRule } from "../../../../worker/time/year.ts";

describe("the year of a date that does not say it", () => {
  it.each<[string, string, string | undefined, number, number, number]>([
    ["the file's own month", "2013-01", undefined, 1, 14, 2013],
    ["December in January's file", "2013-01", undefined, 12, 31, 2012],
    ["November in January's file", "2013-01", undefined, 11, 1, 2012],
    ["January in December's file", "2012-12", undefined, 1, 1, 2013],
    ["March in December's file", "2012-12", undefined, 3, 1, 2013],
    ["less than half a year ahead", "2013-01", undefined, 6, 30, 2013],
    ["half a year either way is the past", "2013-01", undefined, 7, 1, 2012],
    ["half a year back in the same year", "2013-12", undefined, 6, 1, 2013],
    ["less than half a year back", "2013-12", undefined, 7, 1, 2013],
    ["more than half a year back is the next year", "2013-12", undefined, 5, 1, 2014],
    ["29 February is of the year like its neighbours", "2013-02", undefined, 2, 29, 2013],
    ["on the file's last day", "2013-03", "2013-03-04", 3, 4, 2013],
    ["behind the file's last day", "2013-03", "2013-03-04", 3, 5, 2012],
    ["April in a file of March", "2013-03", "2013-03-04", 4, 1, 2012],
    ["nearly a year before", "2013-03", "2013-03-04", 3, 5, 2012],
    ["December in a file of 1 January", "2013-01", "2013-01-01", 12, 31, 2012],
    ["29 February on the last day of a leap year's February", "2012-02", "2012-02-29", 2, 29, 2012],
    ["29 February behind it", "2012-02", "2012-02-28", 2, 29, 2011],
  ])("%s", (_, month, lastDay, inLine, day, year) => {
    expect(yearRule({ month, lastDay })(inLine, day)).toBe(year);
  });
});
