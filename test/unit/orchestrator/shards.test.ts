import { describe, expect, it } from "vitest";
import { evenness, isSpread, shardsOfDay } from "../../../orchestrator/shards.ts";

const GiB = 2 ** 30;
const of = (dataNodes: number, dayGiB: number): number =>
  shardsOfDay(["2013-01"], dataNodes, { indexBytes: 34 * dayGiB * GiB });

describe("the shards of a day", () => {
  it.each([
    [1, 2, 1],
    [8, 2, 1],
    // Days alone would leave some nodes with two hot shards and others with one, or none.
    [21, 4, 3],
    [85, 10, 5],
    [333, 40, 9],
    // A shard of 10 to 50 GB is what is wanted.
    [2, 120, 3],
  ])("on %d data nodes, of %d GiB a day, are %d", (dataNodes, dayGiB, shards) => {
    expect(of(dataNodes, dayGiB)).toBe(shards);
    if (dataNodes > 1) expect(evenness(34 * shards, dataNodes)).toBeGreaterThanOrEqual(0.85);
  });

  it("is one where a day is small, or nothing is known of it", () => {
    expect(of(85, 0.01)).toBe(1);
    expect(shardsOfDay(["2013-01"], 85, undefined)).toBe(1);
  });

  it("are no more than a cluster bears, and the most even of those where none is even enough", () => {
    expect(of(10_000, 1000)).toBe(32);
    expect(of(85, 2)).toBe(2);
  });
});

it.each([
  [[17, 17], 2, true],
  [[12, 11, 11], 3, true],
  [[18, 16], 2, false],
  [[2], 2, false],
  [[1], 2, true],
  [[], 3, true],
  [[1, 1, 1], 3, true],
  [[2, 1], 3, false],
])("%j shards on %d data nodes are spread: %j", (held, dataNodes, spread) => {
  expect(isSpread(held, dataNodes)).toBe(spread);
});
