import { describe, expect, it } from "vitest";
import { parseUntil } from "../../../../orchestrator/serving/until.ts";

// Local times on purpose: that is what an operator writes.
const now = new Date(2026, 2, 10, 14, 30, 15).getTime();
const local = (...parts: [number, number, number, number, number]): number => new Date(...parts).getTime();

describe("--until", () => {
  it.each<[string, number]>([
    ["+4h", now + 4 * 3_600_000],
    ["+30m", now + 1_800_000],
    ["+90s", now + 90_000],
    ["+1.5h", now + 5_400_000],
    ["+2d", now + 172_800_000],
    ["18:30", local(2026, 2, 10, 18, 30)],
    ["14:31", local(2026, 2, 10, 14, 31)],
    ["14:30", local(2026, 2, 11, 14, 30)],
    ["9:05", local(2026, 2, 11, 9, 5)],
    ["00:00", local(2026, 2, 11, 0, 0)],
    ["2026-03-11T08:00", local(2026, 2, 11, 8, 0)],
    ["2026-03-11 08:00", local(2026, 2, 11, 8, 0)],
    ["2026-03-11T08:00:30Z", Date.UTC(2026, 2, 11, 8, 0, 30)],
    ["2026-03-11T08:00+02:00", Date.UTC(2026, 2, 11, 6, 0)],
    ["2028-02-29T08:00Z", Date.UTC(2028, 1, 29, 8, 0)],
  ])("%s", (text, at) => {
    expect(new Date(parseUntil(text, now)).toISOString()).toBe(new Date(at).toISOString());
  });

  it.each([
    "",
    "soon",
    "4h",
    "+4",
    "+h",
    "+4w",
    "+-4h",
    "-4h",
    "24:00",
    "12:60",
    "1:2",
    "2026-03-11",
    "2026-02-30T08:00",
    "2027-02-29T08:00Z",
    "2026-13-01T08:00",
    "2026-03-11T25:00",
    "2026-03-11T08:00 please",
  ])("%s is no time", (text) => {
    expect(() => parseUntil(text, now)).toThrow(/--until .*: write how long from now/);
  });

  it.each(["+0s", "2026-03-10T14:30", "2013-01-01T00:00Z"])("%s is over", (text) => {
    expect(() => parseUntil(text, now)).toThrow(/name a time to come/);
  });

  it("knows days of 23 and 25 hours as days", () => {
    // The next 14:30 is the next day's, whatever the clock does in between.
    for (let day = 0; day < 366; day++) {
      const from = new Date(2026, 0, 1 + day, 14, 30).getTime();
      const next = new Date(parseUntil("14:30", from));
      expect([next.getHours(), next.getMinutes()]).toEqual([14, 30]);
      expect(next.getDate()).toBe(new Date(2026, 0, 2 + day).getDate());
    }
  });
});
