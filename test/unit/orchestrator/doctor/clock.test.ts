import { describe, expect, it } from "vitest";
import { judgeClock } from "../../../../orchestrator/doctor/clock.ts";

describe("a clock elsewhere", () => {
  const looked = { since: 1_000_000_500, until: 1_000_030_500 };
  it.each([
    ["anything that the look can explain", 1_000_000, undefined],
    ["a little more", 1_000_089, undefined],
    ["a little less", 999_940, undefined],
    ["nothing that can be read", Number.NaN, undefined],
    ["a minute ahead", 1_000_091, "the clock of dn1 is 61 s ahead of the one here"],
    ["more than a minute behind", 999_930, "the clock of dn1 is 70 s behind the one here"],
    ["hours ahead", 1_007_230, "the clock of dn1 is 7200 s ahead of the one here"],
  ])("that shows %s", (_what, seconds, text) => {
    const found = judgeClock("dn1", seconds, looked);
    if (text === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject({ level: "missing", text, remedy: expect.stringContaining("NTP") as string });
  });
});
