import { describe, expect, it } from "vitest";
import { allowedRates, limitsOf, limitsText } from "../../../orchestrator/limits.ts";

describe("limits", () => {
  const site = { eventsPerSecond: 0, bytesPerSecond: 0 };
  const config = { limits: { eventsPerSecond: 5, bytesPerSecond: 0, order: "oldest", weight: 2, site } } as const;

  it("are the configuration's until the operator says otherwise", () => {
    const configured = { eventsPerSecond: 5, bytesPerSecond: 0, window: null, order: "oldest", weight: 2 };
    expect(limitsOf(config, {})).toEqual(configured);
    const limits = {
      eventsPerSecond: 0,
      bytesPerSecond: 7,
      window: "22:00-06:00",
      order: "newest",
      weight: 3,
    } as const;
    expect(limitsOf(config, { limits })).toEqual(limits);
    // A journal of a version that knew neither order nor weight.
    const { order: _order, weight: _weight, ...before } = limits;
    expect(limitsOf(config, { limits: before })).toEqual({ ...before, order: "oldest", weight: 2 });
  });

  it.each([
    [{}, "no limits"],
    [{ eventsPerSecond: 9 }, "at most 9 events/s"],
    [
      { eventsPerSecond: 9, bytesPerSecond: 8, window: "22:00-06:00" },
      "at most 9 events/s, 8 bytes/s, from 22:00 to 06:00",
    ],
    [{ window: "22:00-06:00" }, "from 22:00 to 06:00"],
    [{ order: "newest" }, "newest first"],
    [
      { eventsPerSecond: 9, order: "oldest", weight: 0.5 },
      "at most 9 events/s; oldest first; weight 0.5 among the campaigns of the site",
    ],
  ] as const)("%j", (limits, text) => {
    const none = { eventsPerSecond: 0, bytesPerSecond: 0, window: null, order: "spread", weight: 1 } as const;
    expect(limitsText({ ...none, ...limits })).toBe(text);
  });

  it.each([
    ["nobody limits anything", [0, 0], [0, 0], [0, 0]],
    ["its own", [100, 200], [0, 0], [100, 200]],
    ["its part of the site's", [0, 0], [250, 1000], [250, 1000]],
    ["the lower of both", [100, 2000], [250, 1000], [100, 1000]],
  ] as const)("%s", (_, own, part, expected) => {
    const rates = ([eventsPerSecond, bytesPerSecond]: readonly [number, number]) => ({
      eventsPerSecond,
      bytesPerSecond,
    });
    expect(allowedRates(rates(own), rates(part))).toEqual(rates(expected));
  });
});
