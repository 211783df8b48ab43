import { describe, expect, it } from "vitest";
import { apportion, Random, WeightedTable, zipf } from "../../../../orchestrator/sample/random.ts";

describe("Random", () => {
  it("gives the same numbers for the same seed and name, others for another", () => {
    const draw = (seed: number, name: string): number[] => {
      const random = new Random(seed, name);
      return Array.from({ length: 5 }, () => random.next());
    };
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    expect(draw(1, "a")).not.toEqual(draw(2, "a"));
    expect(draw(1, "a")).not.toEqual(draw(1, "b"));
  });

  it("stays within its bounds and reaches them", () => {
    const random = new Random(1, "bounds");
    const seen = new Set(Array.from({ length: 1000 }, () => random.between(3, 7)));
    expect([...seen].sort()).toEqual([3, 4, 5, 6, 7]);
    expect(random.digits(6)).toMatch(/^\d{6}$/);
    expect(random.hex(8)).toMatch(/^[0-9a-f]{8}$/);
  });
});

describe("WeightedTable", () => {
  it("never draws what has no weight", () => {
    const random = new Random(1, "weights");
    const table = new WeightedTable([0, 1, 0, 3]);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) counts[table.draw(random)]! += 1;
    expect(counts[0]! + counts[2]!).toBe(0);
    expect(counts[3]! / counts[1]!).toBeGreaterThan(2.4);
    expect(counts[3]! / counts[1]!).toBeLessThan(3.7);
  });

  it("refuses to draw from nothing", () => {
    expect(() => new WeightedTable([0, 0])).toThrow(RangeError);
  });

  it("follows Zipf's law: the first is drawn about ten times as often as the tenth", () => {
    const random = new Random(1, "zipf");
    const table = zipf(100, 1);
    const counts = new Map<number, number>();
    for (let i = 0; i < 50_000; i++) {
      const n = table.draw(random);
      counts.set(n, (counts.get(n) ?? 0) + 1);
    }
    const ratio = counts.get(0)! / counts.get(9)!;
    expect(ratio).toBeGreaterThan(8);
    expect(ratio).toBeLessThan(12);
  });
});

describe("apportion", () => {
  it.each([
    [10, [1, 1, 1]],
    [1, [5, 3, 2]],
    [1_000_003, [0.1, 0.2, 0.7, 0]],
    [0, [1, 2]],
    [7, [0, 0]],
  ])("splits %d by %j without losing one", (total, weights) => {
    const shares = apportion(total, weights);
    const sum = weights.some((weight) => weight > 0) ? total : 0;
    expect(shares.reduce((a, b) => a + b, 0)).toBe(sum);
    expect(shares.every((share) => share >= 0)).toBe(true);
  });
});
