import { describe, expect, it } from "vitest";
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
