import { expect, it } from "vitest";
import { drop } from "../../../../worker/filters/drop.ts";
import { apply, refusals } from "./tools.ts";

it.each(["{}", '{"message":"x"}', '{"reason":"y"}'])("drops %s under its reason", (event) => {
  expect(apply(drop, { reason: "noise %{reason}" }, event)).toMatchObject({
    result: { drop: "noise %{reason}" },
    event,
  });
});

it.each([
  [{}, "reason: "],
  [{ reason: "" }, "reason: is empty"],
  [{ reason: " " }, "reason: is empty"],
  [{ reason: ["x"] }, "reason: must be a text"],
])("%j is refused: %s", (options, problem) => {
  expect(refusals(drop, options)).toEqual([expect.stringContaining(problem)]);
});

it("says why there is no percentage", () => {
  expect(drop.refused?.percentage).toContain("not deterministic");
});
