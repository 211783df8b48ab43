import { expect, it } from "vitest";
import { StoreHold, type Held } from "../../../worker/store-hold.ts";

const POLICY = { backoffMs: 1000, longestBackoffMs: 30_000 };

/** A hold whose rests end when the test says so. */
function heldParser(probe: Held["probe"] = () => Promise.resolve()) {
  const said: string[] = [];
  const rests: number[] = [];
  let wake: () => void = () => undefined;
  const ended = new AbortController();
  const held: Held = {
    rest: () => void said.push("rest"),
    tryOne: () => void said.push("try one"),
    goOn: () => void said.push("go on"),
    probe,
    problem: (text) => void said.push(text),
  };
  const hold = new StoreHold(held, ended.signal, POLICY, (ms, signal) => {
    rests.push(ms);
    return new Promise((resolve, reject) => {
      wake = () => resolve(undefined);
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  });
  const over = async (): Promise<void> => {
    wake();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { hold, said, rests, over, end: () => ended.abort() };
}

it("rests once for all that fails together, tries one chunk, and goes on when that is written", async () => {
  const { hold, said, over } = heldParser();
  hold.settled();
  hold.failed();
  hold.failed();
  expect([hold.state, said]).toEqual(["resting", ["rest"]]);
  await over();
  expect([hold.state, said]).toEqual(["trying", ["rest", "try one"]]);
  hold.settled();
  hold.settled();
  expect([hold.state, said]).toEqual(["open", ["rest", "try one", "go on"]]);
});

it("lets ten minutes without a clear answer cost a few attempts, not one for each chunk", async () => {
  const { hold, said, rests, over } = heldParser();
  for (let at = 0; at < 600_000; at += rests.at(-1) ?? 0) {
    hold.failed();
    await over();
  }
  const tries = said.filter((one) => one === "try one").length;
  expect(tries).toBe(rests.length);
  expect(tries).toBeLessThan(50);
  // Growing, then as long as it gets, never longer: so long after its return it is tried at the latest.
  expect(rests[0]).toBeLessThanOrEqual(1000);
  expect(Math.min(...rests.slice(6))).toBeGreaterThanOrEqual(15_000);
  expect(Math.max(...rests)).toBeLessThanOrEqual(30_000);
  hold.settled();
  hold.failed();
  expect(rests.at(-1)).toBeLessThanOrEqual(1000);
});

it("tries nothing as long as the store does not answer, and says so", async () => {
  let isUp = false;
  const { hold, said, over } = heldParser(() =>
    isUp ? Promise.resolve() : Promise.reject(new Error("nobody answers")),
  );
  hold.failed();
  await over();
  await over();
  expect([hold.state, said]).toEqual(["resting", ["rest", "nobody answers", "nobody answers"]]);
  isUp = true;
  await over();
  expect(hold.state).toBe("trying");
});

it("begins anew with short rests when what was in work is written meanwhile", async () => {
  const { hold, rests, over } = heldParser();
  for (let n = 0; n < 8; n++) {
    hold.failed();
    await over();
  }
  hold.failed();
  hold.settled();
  expect(hold.state).toBe("resting");
  await over();
  hold.failed();
  expect(rests.at(-1)).toBeLessThanOrEqual(1000);
});

it("ends with its parser", async () => {
  const { hold, said, over, end } = heldParser();
  hold.failed();
  end();
  await over();
  hold.failed();
  expect(said).toEqual(["rest"]);
});
