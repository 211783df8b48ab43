import { describe, expect, it } from "vitest";
import { burstOf, MonthClock, secondOf } from "../../../../orchestrator/sample/clock.ts";
import { Random } from "../../../../orchestrator/sample/random.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

describe("MonthClock", () => {
  it("stamps as syslog does, days padded with a blank", () => {
    const clock = new MonthClock("2013-01", "UTC");
    expect(clock.stamp(4 * DAY + 4 * HOUR + 3 * 60 + 2)).toBe("Jan  5 04:03:02");
    expect(clock.stamp(30 * DAY + DAY - 1)).toBe("Jan 31 23:59:59");
    expect(clock.dayName(4)).toBe("2013-01-05");
  });

  it("draws moments in order, all within the days asked for, bursts where they belong", () => {
    const clock = new MonthClock("2013-02", "UTC");
    const burst = { start: 5 * DAY + 100, seconds: 60, lines: 50 };
    const moments = clock.draw(new Random(1, "x"), 1000, clock.hours("people", 5, 6), [burst]);
    const seconds = [...moments].map(secondOf);
    expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
    expect(seconds.every((second) => second >= 5 * DAY && second < 6 * DAY)).toBe(true);
    const inBurst = [...moments].filter((moment) => burstOf(moment) === 1).map(secondOf);
    expect(inBurst).toHaveLength(50);
    expect(inBurst.every((second) => second >= burst.start && second < burst.start + 60)).toBe(true);
  });

  it.each([
    // 31 March 2013, 02:00 to 03:00 do not exist in Prague; the night is 23 hours long.
    ["2013-03", "Europe/Prague", 30, [2]],
    // Half an hour is skipped: 2 October 2011, 02:00 to 02:30.
    ["2011-10", "Australia/Lord_Howe", 1, [2]],
    // Midnight itself is skipped: 16 October 2011.
    ["2011-10", "America/Sao_Paulo", 15, [0]],
    ["2013-10", "Europe/Prague", 26, []],
  ])("never says a time of %s that %s skips", (month, zone, day, missing) => {
    const clock = new MonthClock(month, zone);
    const burst = { start: day * DAY, seconds: 4 * HOUR, lines: 500 };
    const moments = clock.draw(new Random(1, "gap"), 3000, clock.hours("machines", day, day + 1), [burst]);
    const hours = new Set([...moments].map((moment) => Math.floor((secondOf(moment) % DAY) / HOUR)));
    const present = Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => !missing.includes(hour));
    expect([...hours].sort((a, b) => a - b)).toEqual(present);
  });

  it("gives no weight to a day that a zone left out", () => {
    // Samoa went from 29 to 31 December 2011.
    const weights = new MonthClock("2011-12", "Pacific/Apia").dayWeights("people");
    expect(weights.map((weight, day) => (weight === 0 ? day + 1 : 0)).filter(Boolean)).toEqual([30]);
  });
});
