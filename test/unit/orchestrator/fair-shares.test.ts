import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { demandOf, divide, type Claim } from "../../../orchestrator/fair-shares.ts";

const claims = (...given: readonly (readonly [weight: number, demand: number])[]): readonly Claim[] =>
  given.map(([weight, demand]) => ({ weight, demand }));
const rounded = (parts: readonly number[]): readonly number[] => parts.map((part) => Math.round(part * 1e6) / 1e6);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
const PRESSES = Infinity;

describe("what one asks for", () => {
  it.each([
    ["half of its part: that, and room to grow", { used: 50, unused: 50 }, 0, 75],
    ["two thirds of it, which is what it has once it was given its room", { used: 50, unused: 25 }, 0, 75],
    ["nothing", { used: 0, unused: 100 }, 0, 0],
    ["nearly all: whatever there is", { used: 85, unused: 15 }, 0, Infinity],
    ["all of it, and has a limit of its own", { used: 100, unused: 0 }, 300, 300],
    ["less, and its own limit is in the way of more", { used: 50, unused: 50 }, 60, 60],
    ["nobody knows yet how much", { used: 0, unused: 0 }, 0, Infinity],
  ])("of one that uses %s", (_, use, own, demand) => {
    expect(demandOf(use, own)).toBe(demand);
  });
});

describe("parts of a limit", () => {
  it.each([
    ["of one alone are all of it, whatever it uses", claims([3, 0]), [1000]],
    ["follow the weights where all press", claims([1, PRESSES], [3, PRESSES]), [250, 750]],
    ["leave to who presses what another does not need", claims([1, PRESSES], [3, 300]), [700, 300]],
    ["leave it to all who press, by weight", claims([1, PRESSES], [2, PRESSES], [7, 100]), [300, 600, 100]],
    ["are nobody's more than its weight's who needs more", claims([1, 900], [1, PRESSES]), [500, 500]],
    ["keep a little for who needs nothing", claims([1, 0], [1, PRESSES]), [50, 950]],
    ["are room for all where nobody presses", claims([1, 100], [3, 100]), [300, 700]],
    ["go on to the next when one is full", claims([1, 150], [1, 300], [2, PRESSES]), [150, 283.333333, 566.666667]],
    ["of nobody", [], []],
  ] as const)("%s", (_, asked, parts) => {
    expect(rounded(divide(1000, asked))).toEqual(parts);
  });

  it("add up to the limit, give everybody its demand or its weight's part, and to nobody more for its weight than to one that lacks some", () => {
    const claim = fc.record({
      weight: fc.double({ min: 0.01, max: 1000, noNaN: true }),
      demand: fc.oneof(fc.constant(PRESSES), fc.double({ min: 0, max: 1e6, noNaN: true })),
    });
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.array(claim, { minLength: 1, maxLength: 6 }),
        (limit, asked) => {
          const weights = sum(asked.map(({ weight }) => weight));
          const fair = asked.map(({ weight }) => (limit * weight) / weights);
          const little = limit * 1e-6;
          const parts = divide(limit, asked);
          expect(Math.abs(sum(parts) - limit)).toBeLessThan(little);
          for (const [i, { weight, demand }] of asked.entries()) {
            const part = parts[i]!;
            expect(part).toBeGreaterThanOrEqual(Math.min(demand, fair[i]!) - little);
            if (part >= demand - little) continue;
            for (const [j, other] of asked.entries()) {
              const most = Math.max((part * other.weight) / weight, 0.1 * fair[j]!);
              expect(parts[j]).toBeLessThanOrEqual(most + little);
            }
          }
        },
      ),
    );
  });
});

describe("campaigns that need more and less as time goes on", () => {
  /** Looks of each, a second apart, at buckets whose use is that of about the last second. @param needs events a second at each look */
  function looks(weights: readonly number[], needs: readonly (readonly number[])[]): readonly (readonly number[])[] {
    const uses = weights.map(() => ({ used: 1, unused: 0 }));
    const demands = weights.map(() => PRESSES);
    let parts: number[] = [
      ...divide(
        1000,
        weights.map((weight) => ({ weight, demand: PRESSES })),
      ),
    ];
    return needs.map((need) => {
      for (const [i, n] of need.entries()) {
        const now = { used: Math.min(n, parts[i]!), unused: Math.max(0, parts[i]! - n) };
        const fresh = 1 - Math.exp(-1 / 1.5);
        const mix = (kind: "used" | "unused"): number => uses[i]![kind] + fresh * (now[kind] - uses[i]![kind]);
        uses[i] = { used: mix("used"), unused: mix("unused") };
        demands[i] = demandOf(uses[i], 0);
        // Each divides what stands there at its own look.
        parts = parts.map((part, j) =>
          j === i
            ? divide(
                1000,
                weights.map((weight, k) => ({ weight, demand: demands[k]! })),
              )[i]!
            : part,
        );
      }
      return parts;
    });
  }
  const times = <T>(n: number, one: T): readonly T[] => Array.from({ length: n }, () => one);

  it("lend what they do not need within a few looks, and have their weight's part again within three", () => {
    const course = looks([1, 1], [...times(15, [0, 5000]), ...times(10, [5000, 5000])]);
    expect(course[14]![1]).toBeGreaterThan(940);
    expect(rounded(course[17]!)).toEqual([500, 500]);
    expect(rounded(course.at(-1)!)).toEqual([500, 500]);
  });

  it("come to rest where one needs little: it has that and its room, the others the rest by weight", () => {
    const course = looks([1, 1, 2], times(30, [100, 5000, 5000]));
    for (const parts of course.slice(-10)) {
      expect(parts[0]).toBeGreaterThan(100);
      expect(parts[0]).toBeLessThan(165);
      expect(parts[2]! / parts[1]!).toBeCloseTo(2, 1);
      expect(sum(parts)).toBeCloseTo(1000, 0);
    }
  });

  it("never have more than the limit together once nothing changes any more", () => {
    const one = fc.tuple(fc.double({ min: 0.1, max: 3, noNaN: true }), fc.double({ min: 0, max: 1500, noNaN: true }));
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 5 }), (given) => {
        const weights = given.map(([weight]) => weight);
        const need = given.map(([, n]) => n);
        const course = looks(weights, times(60, need));
        for (const parts of course.slice(-5)) expect(sum(parts)).toBeLessThanOrEqual(1000.5);
        // Who lacks something has at least its weight's part.
        for (const [i, weight] of weights.entries()) {
          const fair = (1000 * weight) / sum(weights);
          expect(course.at(-1)![i]).toBeGreaterThanOrEqual(Math.min(need[i]!, fair) - 1);
        }
      }),
    );
  });
});
