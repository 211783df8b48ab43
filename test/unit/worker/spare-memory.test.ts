import { describe, expect, it } from "vitest";
import { SpareMemory } from "../../../worker/spare-memory.ts";

const KIB = 1024;

describe("spare memory", () => {
  it("is what was given, the last first", () => {
    const spare = new SpareMemory(4);
    const [a, b] = [spare.take(100 * KIB), spare.take(100 * KIB)];
    spare.give(a);
    spare.give(b);
    expect(spare.take(90 * KIB)).toBe(b);
    expect(spare.take(90 * KIB)).toBe(a);
    expect(spare.take(90 * KIB)).not.toBe(a);
  });

  it("fits, with some room for the next that is a little larger", () => {
    const spare = new SpareMemory(4);
    const small = spare.take(100_000);
    expect(small.byteLength).toBe(128 * KIB);
    spare.give(small);
    expect(spare.take(128 * KIB + 1)).not.toBe(small);
    expect(spare.take(128 * KIB)).toBe(small);
  });

  it("is kept for something large where little is wanted", () => {
    const spare = new SpareMemory(4);
    const large = spare.take(4096 * KIB);
    spare.give(large);
    expect(spare.take(10 * KIB).byteLength).toBe(64 * KIB);
    expect(spare.take(1008 * KIB)).toBe(large);
  });

  it("is not kept without end", () => {
    const spare = new SpareMemory(2);
    const given = [1, 2, 3].map(() => new ArrayBuffer(64 * KIB));
    for (const memory of given) spare.give(memory);
    const taken = [1, 2, 3].map(() => spare.take(64 * KIB));
    expect(taken.filter((memory) => given.includes(memory))).toEqual([given[2], given[1]]);
  });
});
