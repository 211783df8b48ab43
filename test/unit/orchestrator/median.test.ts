import { expect, it } from "vitest";
import { median } from "../../../orchestrator/median.ts";

it.each([
  [[7], 7],
  [[3, 1, 2], 2],
  [[10, 9, 100], 10],
  [[1, 2], 1.5],
  [[4, 1, 3, 2], 2.5],
])("the median of %j is %d", (values, middle) => {
  expect(median(values)).toBe(middle);
});

it("nothing has no median", () => {
  expect(() => median([])).toThrow(RangeError);
});
