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
