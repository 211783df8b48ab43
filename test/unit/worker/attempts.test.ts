import type { Redis } from "ioredis";
import { expect, it } from "vitest";
import { createAttempts } from "../../../worker/attempts.ts";
import { campaignKeys } from "../../../worker/contract/keys.ts";

const keys = campaignKeys("c");
const never = new AbortController().signal;

/** The one command that is needed. What is asked of it waits until `answer`, if that is given. */
function hashes(answer: Promise<void> = Promise.resolve()) {
  const written = new Map<string, string>();
  const redis = {
    async hsetnx(key: string, field: string, value: string) {
      expect(key).toBe(keys.attempts);
      await answer;
      if (written.has(field)) return 0;
      written.set(field, value);
      return 1;
    },
  } as unknown as Redis;
  return { redis, written };
}

it("each delivery gets a word of its own, which is written down when it is given out", async () => {
  const { redis, written } = hashes();
  const attempts = createAttempts(redis, keys);
  const tags: string[] = [];
  for (let i = 0; i < 100; i++) {
    const tag = await attempts.begin("chunk-1", never);
    expect(written.get(tag)).toBe("chunk-1");
    expect(tag).toMatch(/^[0-9a-v]{10}$/);
    tags.push(tag);
  }
  expect(new Set(tags).size).toBe(100);
});

it("a word that was given out before is not given out again", async () => {
  const { redis, written } = hashes();
  const words = ["a", "a", "b", "a", "b", "c"];
  const attempts = createAttempts(redis, keys, () => words.shift() ?? "");
  const tags = [];
  for (const chunk of ["1", "2", "3"]) tags.push(await attempts.begin(chunk, never));
  expect(tags).toEqual(["a", "b", "c"]);
  expect([...written.values()]).toEqual(["1", "2", "3"]);
});

it("whoever waits for a Redis that is away ends when it is told to", async () => {
  const { redis } = hashes(new Promise(() => undefined));
  const abort = new AbortController();
  const beginning = createAttempts(redis, keys).begin("1", abort.signal);
  abort.abort(new Error("stopped"));
  await expect(beginning).rejects.toThrow("stopped");
  await expect(createAttempts(redis, keys).begin("1", abort.signal)).rejects.toThrow("stopped");
});
