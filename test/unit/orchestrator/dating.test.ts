import { describe, expect, it } from "vitest";
import { dateFile, localDay, type FileDating, type YearSource } from "../../../orchestrator/dating.ts";
import type { LayoutMatch } from "../../../orchestrator/layout.ts";

describe("a file is of", () => {
  it.each<[string, LayoutMatch["named"], string, YearSource, FileDating | undefined]>([
    ["the month that its path names", { year: "2013", month: "01" }, "2020-05-05", "file-date", { month: "2013-01" }],
    ["its day", { year: "2013", month: "01", day: "14" }, "2020-05-05", 2011, { month: "2013-01", day: "2013-01-14" }],
    ["no day that there is not", { year: "2013", month: "02", day: "29" }, "2020-05-05", "file-date", undefined],
    ["this year's month up to its date", { month: "05" }, "2013-05-01", "file-date", { month: "2013-05" }],
    ["last year's month behind its date", { month: "06" }, "2013-05-31", "file-date", { month: "2012-06" }],
    ["December in a file closed in January", { month: "12" }, "2013-01-01", "file-date", { month: "2012-12" }],
    [
      "the day of its date",
      { month: "05", day: "01" },
      "2013-05-01",
      "file-date",
      { month: "2013-05", day: "2013-05-01" },
    ],
    [
      "the day a year before",
      { month: "05", day: "02" },
      "2013-05-01",
      "file-date",
      { month: "2012-05", day: "2012-05-02" },
    ],
    [
      "the last 29 February",
      { month: "02", day: "29" },
      "2015-05-01",
      "file-date",
      { month: "2012-02", day: "2012-02-29" },
    ],
    ["one across 1900", { month: "02", day: "29" }, "1903-05-01", "file-date", { month: "1896-02", day: "1896-02-29" }],
    ["the configured year", { month: "05" }, "2020-01-01", 2013, { month: "2013-05" }],
    ["no 29 February of a configured year", { month: "02", day: "29" }, "2020-01-01", 2013, undefined],
    ["its date's month", {}, "2013-02-03", "file-date", { month: "2013-02", lastDay: "2013-02-04" }],
    ["its date's month at its end", {}, "2012-02-29", "file-date", { month: "2012-02", lastDay: "2012-03-01" }],
    ["the year's end", {}, "2012-12-31", "file-date", { month: "2012-12", lastDay: "2013-01-01" }],
  ])("%s: %j changed on %s", (_, named, fileDate, source, expected) => {
    expect(dateFile({ named, service: "s", kind: "per-host" }, fileDate, source)).toEqual(expected);
  });

  it.each([
    ["Europe/Prague", "2012-12-31T23:30:00Z", "2013-01-01"],
    ["America/St_Johns", "2013-01-01T03:00:00Z", "2012-12-31"],
    ["UTC", "2013-01-01T00:00:00Z", "2013-01-01"],
  ])("in %s it is %s on the day %s", (zone, time, day) => expect(localDay(Date.parse(time), zone)).toBe(day));

  it("a zone's days stay its own after those of another", () => {
    const moment = Date.parse("2012-12-31T23:30:00Z");
    const days = ["Europe/Prague", "UTC", "Europe/Prague"].map((zone) => localDay(moment, zone));
    expect(days).toEqual(["2013-01-01", "2012-12-31", "2013-01-01"]);
  });
});
