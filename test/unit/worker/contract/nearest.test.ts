import { expect, it } from "vitest";
import { nearest } from "../../../../worker/contract/nearest.ts";

it.each([
  ["rot", "root"],
  ["chunkbytes", "chunkBytes"],
  ["completelyDifferent", undefined],
])("the word nearest to %s", (word, expected) => {
  expect(nearest(word, ["root", "chunkBytes", "revision"])).toBe(expected);
});
