import { describe, expect, it } from "vitest";

import { exceededLimits, walltimeText, type QueueLimits } from "../../../pbs/queue-limits.ts";

const QUEUE: QueueLimits = {
  queue: "short",
  isDefault: true,
  accepts: true,
  starts: true,
  limits: [
    { name: "resources_max.walltime", resource: "walltimeSeconds", bound: "most", value: 7200 },
    { name: "resources_max.mem", resource: "memoryBytes", bound: "most", value: 2 ** 30 },
    { name: "resources_min.ncpus", resource: "cpus", bound: "least", value: 2 },
  ],
};

describe("the limits that a job exceeds", () => {
  it("none at the limits themselves", () => {
    expect(exceededLimits({ walltimeSeconds: 7200, memoryBytes: 2 ** 30, cpus: 2 }, QUEUE)).toEqual([]);
  });

  it("each by its name, with what it allows and what was asked", () => {
    expect(exceededLimits({ walltimeSeconds: 43_200, memoryBytes: 3 * 2 ** 30, cpus: 1 }, QUEUE)).toEqual([
      { limit: "resources_max.walltime", allowed: "at most 02:00:00", asked: "12:00:00" },
      { limit: "resources_max.mem", allowed: "at most 1024 MiB", asked: "3072 MiB" },
      { limit: "resources_min.ncpus", allowed: "at least 2 cores", asked: "1 core" },
    ]);
  });

  it("a queue that takes no jobs", () => {
    const shut = { ...QUEUE, accepts: false, limits: [] };
    expect(exceededLimits({ walltimeSeconds: 1, memoryBytes: 1, cpus: 1 }, shut)).toHaveLength(1);
  });
});

it.each([
  [59, "00:00:59"],
  [3661, "01:01:01"],
  [100 * 3600, "100:00:00"],
])("walltime of %i s", (seconds, text) => {
  expect(walltimeText(seconds)).toBe(text);
});
