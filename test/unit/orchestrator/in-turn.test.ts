import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { inTurn } from "../../../orchestrator/in-turn.ts";

it("does everything once, in order, with so many at once", async () => {
  const seen: number[] = [];
  let under = 0;
  let most = 0;
  await inTurn([1, 2, 3, 4, 5, 6, 7], 3, async (n) => {
    seen.push(n);
    most = Math.max(most, ++under);
    await nextTurn();
    under--;
  });
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(3);
  await inTurn([], 3, () => Promise.reject(new Error("nothing is done with nothing")));
});

it("begins nothing more after a failure, and ends when nothing is under way", async () => {
  const ended: number[] = [];
  const done = inTurn([1, 2, 3, 4, 5], 2, async (n) => {
    if (n === 1) throw new Error("the first");
    await nextTurn();
    ended.push(n);
  });
  await expect(done).rejects.toThrow("the first");
  expect(ended).toEqual([2]);
});
