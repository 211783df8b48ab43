import { describe, expect, it } from "vitest";
import { ZoneClock } from "../../../../worker/time/time-zone.ts";

const seconds = (text: string) => Date.parse(`${text}Z`) / 1000;
const iso = (utc: number) => new Date(utc * 1000).toISOString().slice(0, 19);

describe("ZoneClock", () => {
  it.each([
    ["Europe/Prague", "winter", "2013-01-14T23:20:01", "2013-01-14T22:20:01"],
    ["Europe/Prague", "summer", "2013-07-14T23:20:01", "2013-07-14T21:20:01"],
    ["Europe/Prague", "the last second before the clock is set forward", "2013-03-31T01:59:59", "2013-03-31T00:59:59"],
    ["Europe/Prague", "skipped, read with the offset before", "2013-03-31T02:30:00", "2013-03-31T01:30:00"],
    ["Europe/Prague", "the first second after", "2013-03-31T03:00:00", "2013-03-31T01:00:00"],
    ["Europe/Prague", "before the hour that comes twice", "2013-10-27T01:59:59", "2013-10-26T23:59:59"],
    ["Europe/Prague", "shown twice, the first one", "2013-10-27T02:30:00", "2013-10-27T00:30:00"],
    ["Europe/Prague", "after the hour that comes twice", "2013-10-27T03:00:00", "2013-10-27T02:00:00"],
    ["UTC", "UTC", "2013-01-14T23:20:01", "2013-01-14T23:20:01"],
    ["Asia/Kathmandu", "a quarter of an hour", "2013-01-14T00:00:00", "2013-01-13T18:15:00"],
    ["America/St_Johns", "set forward a minute past midnight", "2010-03-14T00:00:59", "2010-03-14T03:30:59"],
    ["America/St_Johns", "skipped from 00:01", "2010-03-14T00:01:00", "2010-03-14T03:31:00"],
    ["America/Sao_Paulo", "no midnight on that day", "2013-10-20T00:00:00", "2013-10-20T03:00:00"],
    ["Australia/Lord_Howe", "half an hour of summer time", "2013-01-01T00:00:00", "2012-12-31T13:00:00"],
    ["Africa/Monrovia", "an offset with seconds", "1971-06-01T00:00:00", "1971-06-01T00:44:30"],
    ["Pacific/Apia", "the day that was left out", "2011-12-30T12:00:00", "2011-12-30T22:00:00"],
  ])("%s: %s", (zone, _, local, utc) => {
    expect(iso(new ZoneClock(zone).toUtc(seconds(local)))).toBe(utc);
  });

  it.each([
    ["Europe/Prague", "the first second", "2013-10-27T02:00:00", "2013-10-27T00:00:00", "2013-10-27T01:00:00"],
    ["Europe/Prague", "the last second", "2013-10-27T02:59:59", "2013-10-27T00:59:59", "2013-10-27T01:59:59"],
    ["Europe/Prague", "before it", "2013-10-27T01:59:59", "2013-10-26T23:59:59", "2013-10-26T23:59:59"],
    ["Europe/Prague", "after it", "2013-10-27T03:00:00", "2013-10-27T02:00:00", "2013-10-27T02:00:00"],
    ["Europe/Prague", "skipped in spring", "2013-03-31T02:30:00", "2013-03-31T01:30:00", "2013-03-31T01:30:00"],
    ["America/St_Johns", "half hours", "2013-11-03T01:30:00", "2013-11-03T04:00:00", "2013-11-03T05:00:00"],
    [
      "America/St_Johns",
      "until 2011 a minute past midnight",
      "2010-11-06T23:30:00",
      "2010-11-07T02:00:00",
      "2010-11-07T03:00:00",
    ],
    [
      "Australia/Lord_Howe",
      "half an hour is shown twice",
      "2013-04-07T01:45:00",
      "2013-04-06T14:45:00",
      "2013-04-06T15:15:00",
    ],
    ["Australia/Sydney", "autumn in April", "2013-04-07T02:30:00", "2013-04-06T15:30:00", "2013-04-06T16:30:00"],
    [
      "America/Sao_Paulo",
      "the hour before midnight",
      "2013-02-16T23:30:00",
      "2013-02-17T01:30:00",
      "2013-02-17T02:30:00",
    ],
    ["America/Havana", "the hour after midnight", "2013-11-03T00:30:00", "2013-11-03T04:30:00", "2013-11-03T05:30:00"],
    [
      "Africa/Casablanca",
      "twice in a year: Ramadan",
      "2013-07-07T02:30:00",
      "2013-07-07T01:30:00",
      "2013-07-07T02:30:00",
    ],
    ["Europe/Moscow", "no summer time any more", "2014-10-26T01:30:00", "2014-10-25T21:30:00", "2014-10-25T22:30:00"],
    ["UTC", "never", "2013-10-27T02:30:00", "2013-10-27T02:30:00", "2013-10-27T02:30:00"],
  ])("%s, both folds: %s", (zone, _, local, first, second) => {
    const clock = new ZoneClock(zone);
    expect([iso(clock.toUtc(seconds(local), 0)), iso(clock.toUtc(seconds(local), 1))]).toEqual([first, second]);
    expect(clock.foldAt(seconds(local)) === undefined).toBe(first === second);
  });

  it.each([
    ["Europe/Prague", "2013-01", "2014-01", ["2013-10-27T02:00:00 2013-10-27T03:00:00"]],
    ["Europe/Prague", "2013-10", "2013-11", ["2013-10-27T02:00:00 2013-10-27T03:00:00"]],
    ["Europe/Prague", "2013-03", "2013-04", []],
    ["Australia/Lord_Howe", "2013-01", "2014-01", ["2013-04-07T01:30:00 2013-04-07T02:00:00"]],
    ["Australia/Sydney", "2013-04", "2013-05", ["2013-04-07T02:00:00 2013-04-07T03:00:00"]],
    [
      "Africa/Casablanca",
      "2013-01",
      "2014-01",
      ["2013-07-07T02:00:00 2013-07-07T03:00:00", "2013-10-27T02:00:00 2013-10-27T03:00:00"],
    ],
    ["UTC", "2013-01", "2014-01", []],
  ])("%s shows times twice between %s and %s: %j", (zone, from, to, expected) => {
    const folds = new ZoneClock(zone).foldsBetween(seconds(`${from}-01T00:00:00`), seconds(`${to}-01T00:00:00`));
    expect(folds.map((fold) => `${iso(fold.from)} ${iso(fold.to)}`)).toEqual(expected);
    for (const fold of folds) {
      expect(new ZoneClock(zone).foldAt(fold.from)).toEqual(fold);
      expect(new ZoneClock(zone).foldAt(fold.to - 1)).toEqual(fold);
      expect(new ZoneClock(zone).foldAt(fold.to)).toBeUndefined();
      expect(fold.end - fold.begin).toBe(2 * (fold.to - fold.from));
    }
  });

  it("answers the same from its cache as without", () => {
    const cached = new ZoneClock("Australia/Lord_Howe");
    const changes = [seconds("2013-04-07T00:00:00"), seconds("2013-10-06T00:00:00")];
    for (let pass = 0; pass < 2; pass++) {
      for (const change of changes) {
        for (let local = change; local < change + 5 * 3600; local += 601) {
          expect(cached.toUtc(local)).toBe(new ZoneClock("Australia/Lord_Howe").toUtc(local));
        }
      }
    }
  });

  it("refuses a zone that there is not", () => {
    expect(() => new ZoneClock("Europe/Nowhere")).toThrow(RangeError);
  });
});
