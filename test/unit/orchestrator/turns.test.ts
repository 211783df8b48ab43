import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { createTurns } from "../../../orchestrator/turns.ts";

it("are taken one after the other, also after one that fails, and those of another key beside them", async () => {
  const turns = createTurns();
  const [one, other] = [{}, {}];
  const seen: string[] = [];
  const work = (name: string) => async (): Promise<string> => {
    seen.push(`${name} begins`);
    await nextTurn();
    seen.push(`${name} ends`);
    if (name === "b") throw new Error("it fails");
    return name;
  };
  const done = await Promise.allSettled([turns(one, work("a")), turns(one, work("b")), turns(one, work("c"))]);
  expect(done.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  seen.length = 0;
  expect(await Promise.all([turns(one, work("d")), turns(other, work("e"))])).toEqual(["d", "e"]);
  expect(seen.slice(0, 2)).toEqual(["d begins", "e begins"]);
});
