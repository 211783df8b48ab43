import { expect, test } from "vitest";
import { tunerGoals } from "../../../perf/tuner/index.ts";
import { simulatedRows } from "../../../perf/tuner/simulated.ts";

test("simulated stores give the same figures every time, shares of the best that there is", () => {
  const rows = simulatedRows();
  expect(simulatedRows()).toEqual(rows);
  for (const { found, worst, swing } of rows) {
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThanOrEqual(found);
    expect(found).toBeLessThanOrEqual(1.001);
    if (swing !== null) expect(swing).toBeGreaterThanOrEqual(0);
  }
  expect(rows.some(({ worst, found }) => worst < found)).toBe(true);
});

test("the worst store counts, and what was not run is not met", () => {
  const row = { name: "s", noise: "n", runs: 20, found: 0.97, worst: 0.9, swing: 0.01 };
  const goals = tunerGoals([row, { ...row, found: 0.94, swing: null }, { ...row, swing: 0.06 }], undefined);
  expect(goals.map(({ measured, met }) => [measured, met])).toEqual([
    [null, false],
    [null, false],
    [0.94, false],
    [0.06, false],
  ]);
  expect(tunerGoals([row], { share: 0.96, swing: 0.02 }).every(({ met }) => met)).toBe(true);
});
