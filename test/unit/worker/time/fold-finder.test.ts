import { describe, expect, it } from "vitest";
import { foldsOf } from "../../../../worker/time/folds.ts";
import { FoldFinder } from "../../../../worker/time/fold-finder.ts";

const at = (clock: string) => Date.parse(`2013-10-27T${clock}Z`) / 1000;
const iso = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 19);
const hour = { from: at("02:00"), to: at("03:00"), begin: at("00:00"), end: at("02:00") };

describe("the second of two equal hours begins", () => {
  it.each<[string, string[], number | undefined]>([
    ["where the times fall back", ["02:00", "02:30", "02:59:59", "02:00:01", "02:30"], 3],
    ["with the first line that shows it", ["02:10", "02:58", "02:20", "02:00"], 2],
    ["only once", ["02:59", "02:00", "02:59", "02:00"], 1],
    ["not by a little disorder", ["02:20", "02:10", "02:30", "02:15", "02:59"], undefined],
    ["by more than a quarter of an hour", ["02:20", "02:04:59"], 1],
    ["not by a quarter of an hour", ["02:20", "02:05"], undefined],
    ["nowhere in order", ["02:00", "02:20", "02:40"], undefined],
    ["nowhere without lines", [], undefined],
  ])("%s: %j", (_, times, line) => {
    const finder = new FoldFinder();
    times.forEach((time, i) => finder.take("Europe/Prague", at(time), hour, i));
    expect(finder.found).toEqual(
      line === undefined ? [] : [{ timeZone: "Europe/Prague", from: hour.from, offset: line }],
    );
  });

  it("in each zone by itself", () => {
    const finder = new FoldFinder();
    for (const [zone, time] of [
      ["Europe/Prague", "02:59"],
      ["Europe/London", "02:01"],
      ["Europe/Prague", "02:02"],
      ["Europe/London", "02:50"],
    ] as const) {
      finder.take(zone, at(time), hour, 7);
    }
    expect(finder.found.map(({ timeZone }) => timeZone)).toEqual(["Europe/Prague"]);
  });

  it("by less where the clock is set back by half an hour", () => {
    const finder = new FoldFinder();
    const half = { ...hour, to: at("02:30") };
    for (const time of ["02:10", "02:03", "02:20", "02:10"]) finder.take("Australia/Lord_Howe", at(time), half, 7);
    expect(finder.found).toHaveLength(1);
  });
});

describe("times that a file's lines may tell twice", () => {
  it.each([
    ["2013-10", undefined, "Europe/Prague", [], ["Europe/Prague 2013-10-27T02:00:00"]],
    ["2013-09", undefined, "Europe/Prague", [], []],
    ["2013-03", undefined, "Europe/Prague", [], []],
    ["2013-10", undefined, "UTC", [], []],
    ["2013-10", undefined, "America/New_York", [], []],
    ["2013-11", undefined, "America/New_York", [], ["America/New_York 2013-11-03T01:00:00"]],
    ["2013-04", undefined, "Australia/Lord_Howe", [], ["Australia/Lord_Howe 2013-04-07T01:30:00"]],
    // The day after the month has an index, too.
    ["2009-10", undefined, "America/New_York", [], ["America/New_York 2009-11-01T01:00:00"]],
    [
      "2013-10",
      undefined,
      "UTC",
      ["Europe/Prague", "Europe/London", "UTC"],
      ["Europe/Prague 2013-10-27T02:00:00", "Europe/London 2013-10-27T01:00:00"],
    ],
    // A file dated by its modification may hold a year.
    ["2014-02", "2014-02-20", "Europe/Prague", [], ["Europe/Prague 2013-10-27T02:00:00"]],
    ["2013-10", "2013-10-26", "Europe/Prague", [], ["Europe/Prague 2012-10-28T02:00:00"]],
  ])("%s until %s in %s, hosts in %j: %j", (month, lastDay, timeZone, hosts, expected) => {
    const hostZones = hosts.map((zone) => ({ host: zone, timeZone: zone }));
    const folds = foldsOf({ month, lastDay, timeZone, hostZones });
    expect(folds.map((fold) => `${fold.timeZone} ${iso(fold.from)}`)).toEqual(expected);
  });
});
