import { describe, expect, it } from "vitest";
import {
  linesOf,
  OTHER,
  ParseSums,
  printable,
  type LineGroup,
  type ProgramLines,
} from "../../../../worker/contract/parse-counts.ts";

const program = (name: string, full: number): ProgramLines => ({
  program: name,
  full,
  failed: 1,
  headerOnly: 0,
  dropped: 2,
});
const group = (word: string, lines: number, fileId = "f", offset = 0): LineGroup => ({
  program: "p",
  cause: "s",
  word,
  lines,
  fileId,
  offset,
});
const LIMITS = { programs: 2, groups: 2, patterns: 2 };

describe("parse counts", () => {
  it("are sums, most lines first, then by name", () => {
    const sums = new ParseSums();
    for (const one of [program("b", 1), program("a", 1), program("c", 5), program("c", 1)]) sums.addProgram(one);
    const { programs } = sums.counts({ ...LIMITS, programs: 9 });
    expect(programs).toEqual([
      { program: "c", full: 6, failed: 2, headerOnly: 0, dropped: 4 },
      program("a", 1),
      program("b", 1),
    ]);
  });

  it("keep the sum when names are left out", () => {
    const sums = new ParseSums();
    for (let i = 0; i < 10; i++) sums.addProgram(program(`p${String(i)}`, i));
    const { programs } = sums.counts(LIMITS);
    expect(programs.map((one) => one.program)).toEqual(["p9", "p8", OTHER]);
    expect(programs.reduce((sum, one) => sum + linesOf(one), 0)).toBe(45 + 3 * 10);
  });

  it("hold a bounded number of names, and keep the sum", () => {
    const sums = new ParseSums(3);
    for (let i = 0; i < 10; i++) sums.addMiss(group(`w${String(i)}`, i, "f", 10 - i));
    const { misses } = sums.counts({ ...LIMITS, groups: 9 });
    expect(misses.map(({ word, lines }) => [word, lines])).toEqual([
      ["w2", 2],
      ["w1", 1],
      ["w0", 0],
      [OTHER, 42],
    ]);
    // The first line of the rest is its example.
    expect(misses.at(-1)).toMatchObject({ program: OTHER, cause: OTHER, offset: 1 });
  });

  it("are the same in whatever order, also of what is added again after it was cut", () => {
    const parts = [3, 1, 2].map((n) => {
      const sums = new ParseSums();
      for (let i = 0; i < 4; i++) sums.addMiss(group(`w${String(i)}`, n * (i + 1), `file${String(n)}`, i));
      for (let i = 0; i < 4; i++) sums.addOverBudget({ pattern: `%{P${String(i)}}`, place: "f:1:1", lines: n + i });
      return sums.counts(LIMITS);
    });
    const added = [parts, parts.toReversed()].map((all) => {
      const sums = new ParseSums();
      for (const counts of all) sums.add(counts);
      return sums.counts(LIMITS);
    });
    expect(added[0]).toEqual(added[1]);
    expect(added[0]?.misses).toEqual([
      group("w3", 24, "file1", 3),
      group("w2", 18, "file1", 2),
      { ...group(OTHER, 18, "file1", 0), program: OTHER, cause: OTHER },
    ]);
    expect(added[0]?.overBudget.map(({ lines }) => lines)).toEqual([15, 12, 15]);
  });

  it("show nothing that a terminal obeys, and whole characters", () => {
    expect(printable("a\x1b[31m\u202eb\0\ud800")).toBe("a?[31m?b??");
    expect(printable("é".repeat(100))).toBe("é".repeat(32));
    expect(printable("\u{1f434}\u{1f434}", 7)).toBe("\u{1f434}");
  });
});
