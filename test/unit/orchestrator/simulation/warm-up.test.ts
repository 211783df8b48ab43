import { expect, it } from "vitest";
import { withoutWarmUp, withWarmUp } from "../../../../orchestrator/simulation/warm-up.ts";

const warmUp = { factor: 4, seconds: 3 };

it("makes the first work cost the factor, and later work what it costs a warm process", () => {
  expect(withWarmUp(0, warmUp)).toBe(0);
  expect(withWarmUp(1e-6, warmUp) / 1e-6).toBeCloseTo(4, 4);
  expect(withWarmUp(1001, warmUp) - withWarmUp(1000, warmUp)).toBeCloseTo(1, 6);
  expect(withWarmUp(1000, warmUp) - 1000).toBeCloseTo(3 * Math.log(4), 6);
});

it("has fallen to 1/e of what was too much when so much CPU was used", () => {
  const at = withoutWarmUp(warmUp.seconds, warmUp);
  const slope = (withWarmUp(at + 1e-6, warmUp) - warmUp.seconds) / 1e-6;
  expect(slope).toBeCloseTo(1 + 3 / Math.E, 4);
});

it.each([0, 0.001, 1, 10, 1e6])("can be taken off again: %f s", (seconds) => {
  expect(withoutWarmUp(withWarmUp(seconds, warmUp), warmUp)).toBeCloseTo(seconds, 6);
  expect(withWarmUp(seconds, { factor: 1, seconds: 0 })).toBe(seconds);
  expect(withoutWarmUp(seconds, { factor: 1, seconds: 0 })).toBe(seconds);
});
