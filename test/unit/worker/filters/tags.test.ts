import { expect, it } from "vitest";
import { tags } from "../../../../worker/filters/tags.ts";
import { apply, refusals } from "./tools.ts";

it.each<[object, string, string]>([
  [{ add: ["x"] }, "{}", '{"tags":["x"]}'],
  [{ add: "x" }, '{"tags":["x","y"]}', '{"tags":["x","y"]}'],
  [{ add: ["x", "y"], remove: ["x", "z"] }, '{"tags":["z"]}', '{"tags":["y"]}'],
  [{ add: ["from_%{host}"] }, '{"host":"h"}', '{"host":"h","tags":["from_h"]}'],
  [{ remove: "x" }, '{"tags":["x"]}', '{"tags":[]}'],
  [{ remove: "x" }, "{}", "{}"],
  [{ remove: "%{t}" }, '{"t":"a","tags":"a"}', '{"t":"a","tags":[]}'],
  [{ add: ["__proto__", ""] }, "{}", '{"tags":["__proto__",""]}'],
])("%j: %s → %s", (options, before, after) => {
  expect(apply(tags, options, before)).toMatchObject({ event: after, result: "matched" });
});

it.each<[object, string]>([
  [{}, "names no tag"],
  [{ add: [{}] }, "add.0: must be a text"],
  [{ add: "%{[}" }, 'add.0: "[" is no field reference'],
])("%j is refused: %s", (options, problem) => {
  expect(refusals(tags, options)).toEqual([expect.stringContaining(problem)]);
});
