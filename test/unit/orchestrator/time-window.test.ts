import { describe, expect, it } from "vitest";
import { limitsOf, limitsText } from "../../../orchestrator/limits.ts";
import { isOpen, WINDOW } from "../../../orchestrator/time-window.ts";

const at = (time: string): number => Date.parse(`2026-01-15T${time}:00Z`);

describe("a time of day", () => {
  it.each([
    ["22:00-06:00", "21:59", false],
    ["22:00-06:00", "22:00", true],
    ["22:00-06:00", "00:00", true],
    ["22:00-06:00", "05:59", true],
    ["22:00-06:00", "06:00", false],
    ["22:00-06:00", "12:00", false],
    ["08:30-17:00", "08:29", false],
    ["08:30-17:00", "08:30", true],
    ["08:30-17:00", "17:00", false],
    ["00:00-06:00", "00:00", true],
    ["20:00-00:00", "23:59", true],
    ["20:00-00:00", "00:00", false],
    [null, "12:00", true],
  ] as const)("%s at %s: %s", (window, time, open) => {
    expect(isOpen(window, at(time), "UTC")).toBe(open);
  });

  it("is that of its zone, summer and winter", () => {
    expect(isOpen("22:00-06:00", at("21:30"), "Europe/Prague")).toBe(true);
    expect(isOpen("22:00-06:00", Date.parse("2026-07-15T20:30:00Z"), "Europe/Prague")).toBe(true);
    expect(isOpen("22:00-06:00", at("20:30"), "Europe/Prague")).toBe(false);
  });

  it.each(["22:00", "24:00-06:00", "22:00-6:00", "22:60-06:00", "22:00-06:00 ", "22:00-22:00", ""])(
    "is not %j",
    (text) => {
      expect(WINDOW.test(text)).toBe(false);
    },
  );
});

describe("limits", () => {
  const config = { limits: { eventsPerSecond: 5, bytesPerSecond: 0 } };

  it("are the configuration's until the operator says otherwise", () => {
    expect(limitsOf(config, {})).toEqual({ eventsPerSecond: 5, bytesPerSecond: 0, window: null });
    const limits = { eventsPerSecond: 0, bytesPerSecond: 7, window: "22:00-06:00" };
    expect(limitsOf(config, { limits })).toEqual(limits);
  });

  it.each([
    [{ eventsPerSecond: 0, bytesPerSecond: 0, window: null }, "no limits"],
    [{ eventsPerSecond: 9, bytesPerSecond: 0, window: null }, "at most 9 events/s"],
    [
      { eventsPerSecond: 9, bytesPerSecond: 8, window: "22:00-06:00" },
      "at most 9 events/s, 8 bytes/s, from 22:00 to 06:00",
    ],
    [{ eventsPerSecond: 0, bytesPerSecond: 0, window: "22:00-06:00" }, "from 22:00 to 06:00"],
  ])("%j", (limits, text) => {
    expect(limitsText(limits)).toBe(text);
  });
});
