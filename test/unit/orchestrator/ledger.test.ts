import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coveredFrom0, tilingProblems, totalOf, unbalancedRows } from "../../../orchestrator/ledger.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../../worker/contract/ledger.ts";

function row(chunk: string, covered: readonly [number, number], counts: Partial<LedgerRow["counts"]> = {}): LedgerRow {
  return {
    chunk,
    fileId: chunk.split("-")[0] ?? "",
    attempt: 1,
    worker: "gh-x-p1",
    counts: { ...ZERO_COUNTS, ...counts },
    perIndex: {},
    droppedBy: {},
    rejectedBy: {},
    unparsedBy: {},
    covered,
    millis: 1,
    parseCpuMicros: 1,
  };
}

const file = (length: number) => ({ fileId: "a", path: "hosts/a", length });

describe("tiling", () => {
  it.each([
    [
      "whole",
      [
        [0, 5],
        [5, 9],
      ],
      [],
    ],
    [
      "a chunk that owns nothing",
      [
        [0, 9],
        [5, 5],
      ],
      [],
    ],
    [
      "a gap",
      [
        [0, 5],
        [6, 9],
      ],
      ["hosts/a: bytes 5 to 6 were not read"],
    ],
    ["a missing start", [[1, 9]], ["hosts/a: bytes 0 to 1 were not read"]],
    ["a missing end", [[0, 8]], ["hosts/a: bytes 8 to 9 were not read"]],
    [
      "an overlap",
      [
        [0, 6],
        [5, 9],
      ],
      ["hosts/a: chunk a-1 reads bytes 5 to 6 again"],
    ],
    ["beyond the end", [[0, 11]], ["hosts/a: read up to byte 11, beyond its length 9"]],
    ["nothing read", [], ["hosts/a: bytes 0 to 9 were not read"]],
  ] as const)("%s", (_name, ranges, problems) => {
    const rows = ranges.map(([first, last], i) => row(`a-${i}`, [first, last]));
    expect(tilingProblems([file(9)], rows)).toEqual(problems);
  });

  it("tells of chunks of a file that is not in the plan", () => {
    expect(tilingProblems([file(0)], [row("b-0", [0, 4])])).toEqual([
      "chunks of a file that the plan does not know: b (1 chunks)",
    ]);
  });

  it("finds any single byte that nobody read, in whatever order rows come", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 8 }), fc.nat(8), (cuts, drop) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), 100];
        const rows = edges.slice(1).map((end, i) => row(`a-${i}`, [edges[i] ?? 0, end]));
        expect(tilingProblems([file(100)], [...rows].reverse())).toEqual([]);
        const left = rows.filter((_, i) => i !== drop % rows.length);
        expect(tilingProblems([file(100)], left)).not.toEqual([]);
      }),
    );
  });
});

it("the offset up to which a file is covered ends at the first gap", () => {
  const rows = [row("a-1", [5, 9]), row("a-0", [0, 5]), row("a-3", [12, 20]), row("b-1", [3, 4])];
  expect(coveredFrom0(rows)).toEqual(
    new Map([
      ["a", 9],
      ["b", 0],
    ]),
  );
});

describe("sums", () => {
  it("finds rows that do not add up", () => {
    const good = { ...row("a-0", [0, 1], { read: 3, written: 1, duplicate: 1, dropped: 1 }), perIndex: { i: 2 } };
    expect(unbalancedRows([good])).toEqual([]);
    expect(unbalancedRows([{ ...good, counts: { ...good.counts, read: 4 } }])).toHaveLength(1);
    expect(unbalancedRows([{ ...good, perIndex: { i: 1 } }])).toHaveLength(1);
    const program = { program: "p", full: 1, failed: 1, headerOnly: 1, dropped: 0 };
    const parses = { programs: [program], misses: [], overBudget: [] };
    expect(unbalancedRows([{ ...good, parses }])).toEqual([]);
    expect(unbalancedRows([{ ...good, parses: { ...parses, programs: [{ ...program, full: 2 }] } }])).toHaveLength(1);
  });

  it("adds rows up by index and reason", () => {
    const rows = [
      { ...row("a-0", [0, 1], { read: 2, written: 2, bytes: 10 }), perIndex: { i: 1, j: 1 }, unparsedBy: { empty: 1 } },
      {
        ...row("a-1", [1, 2], { read: 3, written: 2, rejected: 1, bytes: 7 }),
        perIndex: { j: 2 },
        rejectedBy: { m: 1 },
      },
    ];
    const totals = totalOf(rows);
    expect(totals.counts).toEqual({ ...ZERO_COUNTS, read: 5, written: 4, rejected: 1, bytes: 17 });
    expect(totals.perIndex).toEqual({ i: 1, j: 3 });
    expect(totals.unparsedBy).toEqual({ empty: 1 });
    expect(totals.rejectedBy).toEqual({ m: 1 });
    expect(totals.chunks).toBe(2);
  });
});
