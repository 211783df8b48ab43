import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { totalOf, unbalancedRows } from "../../../../orchestrator/ledger.ts";
import { manifestText } from "../../../../orchestrator/proof/manifest.ts";
import type { PlannedFile } from "../../../../orchestrator/plan.ts";
import { countsIn, lastWords, withReplays } from "../../../../orchestrator/replay/sums.ts";
import { addCounts, ZERO_COUNTS, type Counts, type LedgerRow } from "../../../../worker/contract/ledger.ts";

function row(chunk: string, counts: Partial<Counts>, more: Partial<LedgerRow> = {}): LedgerRow {
  const whole = { ...ZERO_COUNTS, ...counts };
  return {
    chunk,
    fileId: "f",
    attempt: 1,
    worker: "p1",
    counts: whole,
    perIndex: whole.written + whole.duplicate > 0 ? { monday: whole.written + whole.duplicate } : {},
    droppedBy: whole.dropped > 0 ? { debug: whole.dropped } : {},
    rejectedBy: whole.rejected > 0 ? { mapping: whole.rejected } : {},
    unparsedBy: {},
    covered: [0, 100],
    millis: 1,
    parseCpuMicros: 10,
    ...more,
  };
}
const replay = (
  chunk: string,
  n: number,
  of: string,
  counts: Partial<Counts>,
  more: Partial<LedgerRow> = {},
): LedgerRow =>
  row(`${chunk}-r${String(n)}`, counts, {
    covered: [0, 0],
    replay: { chunk, of, attempt: 1, pipeline: "p" },
    ...more,
  });

const base = row("f-0", { read: 10, written: 6, dropped: 1, rejected: 3, unparsed: 2, bytes: 100 }, { sha256: "a" });
const first = replay(
  "f-0",
  1,
  "f-0",
  { read: 3, written: 1, dropped: 1, rejected: 1, unparsed: 1 },
  { rejectedBy: { date: 1 } },
);
const second = replay("f-0", 2, "f-0-r1", { read: 1, written: 1 }, { perIndex: { tuesday: 1 } });

describe("a chunk and its replays", () => {
  it("are one row that says what became of its lines in the end", () => {
    const [folded, ...others] = withReplays([second, base, first]);
    expect(others).toEqual([]);
    expect(folded).toEqual({
      ...base,
      counts: { read: 10, written: 8, duplicate: 0, dropped: 2, rejected: 0, unparsed: 2, bytes: 100 },
      perIndex: { monday: 7, tuesday: 1 },
      droppedBy: { debug: 2 },
      rejectedBy: {},
      millis: 3,
      parseCpuMicros: 30,
    });
    expect(withReplays([base, first])[0]).toMatchObject({ counts: { rejected: 1 }, rejectedBy: { date: 1 } });
    expect(withReplays(withReplays([base, first]))).toEqual(withReplays([base, first]));
  });

  it("count once in every sum", () => {
    expect(totalOf([base, first, second])).toMatchObject({ chunks: 1, counts: { read: 10, written: 8, rejected: 0 } });
    const group = { program: "sshd", cause: "mapping", word: "Accepted", lines: 3, fileId: "f", offset: 7 };
    expect(withReplays([{ ...base, rejects: [group] }, first])[0]).not.toHaveProperty("rejects");
  });

  it("add up to the same as the row of each adds", () => {
    const counts = fc.record({ written: fc.nat(9), duplicate: fc.nat(9), dropped: fc.nat(9), rejected: fc.nat(9) });
    const chain = fc.array(fc.tuple(counts, fc.nat(20)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(chain, { minLength: 1, maxLength: 4 }), (chains) => {
        const rows = chains.flatMap((parts, c) => {
          let rejected = 0;
          return parts.map(([{ written, duplicate, dropped, rejected: some }, unparsed], n) => {
            // A replay takes what was rejected before it, and no more.
            const read = n === 0 ? written + duplicate + dropped + some : rejected;
            const left = n === 0 ? some : Math.min(some, read);
            const settled = n === 0 ? { written, duplicate, dropped } : { written: read - left };
            rejected = left;
            const id = `f${String(c)}-0`;
            const made = { read, ...settled, rejected: left, unparsed, bytes: read };
            return n === 0 ? row(id, made) : replay(id, n, n === 1 ? id : `${id}-r${String(n - 1)}`, made);
          });
        });
        expect(unbalancedRows(rows)).toEqual([]);
        const folded = withReplays(rows);
        expect(unbalancedRows(folded)).toEqual([]);
        expect(folded.length).toBe(chains.length);
        const { counts: sum, perIndex, rejectedBy } = totalOf(rows);
        expect(sum).toEqual(rows.map(countsIn).reduce(addCounts, ZERO_COUNTS));
        expect(sum.read).toBe(sum.written + sum.duplicate + sum.dropped + sum.rejected);
        expect(perIndex["monday"] ?? 0).toBe(
          rows.reduce((n, { counts: { written, duplicate } }) => n + written + duplicate, 0),
        );
        expect(rejectedBy["mapping"] ?? 0).toBe(sum.rejected);
      }),
    );
  });

  it("of a part of the ledger count what they add", () => {
    expect(totalOf([second])).toMatchObject({
      counts: { read: 0, written: 1, rejected: -1 },
      perIndex: { tuesday: 1 },
    });
  });

  it("leave the last word to what nobody has taken", () => {
    expect(lastWords([base, first, row("f-1", {})]).map(({ chunk }) => chunk)).toEqual(["f-0-r1", "f-1"]);
  });

  it("are one leaf of the month", () => {
    const plan = { id: "p", files: [{ origin: { fileId: "f", path: "a", month: "2013-01" } } as PlannedFile] };
    const textOf = (rows: readonly LedgerRow[]): string => [...manifestText("c", plan, rows, new Map())].join("");
    expect(JSON.parse(textOf([base, first, second]))).toMatchObject({
      files: [{ chunks: [{ id: "f-0", read: 10, documents: 8, dropped: 2, rejected: 0 }] }],
    });
    const atOnce = { ...base, counts: { ...base.counts, written: 8, dropped: 2, rejected: 0 } };
    expect(textOf([base, first, second])).toBe(textOf([atOnce]));
  });
});

describe("a replay does not fit", () => {
  const otherAttempt = { ...first, replay: { ...first.replay!, attempt: 2 } };
  it.each<[string, readonly LedgerRow[], RegExp]>([
    [
      "another number of documents",
      [{ ...base, counts: { ...base.counts, rejected: 2, written: 7 }, perIndex: { monday: 7 } }, first],
      /3 documents taken ≠ 2/,
    ],
    ["another attempt", [base, otherAttempt], /attempt 2 at f-0 had rejected, committed is attempt 1/],
    ["no such row", [base, second], /no row f-0-r1/],
    ["a row of another file", [{ ...base, fileId: "g" }, first], /no row f-0 of its file/],
    [
      "taken twice",
      [base, first, { ...first, chunk: "f-0-r2" }],
      /f-0-r1 has taken the rejected documents of f-0, too/,
    ],
  ])("%s", (_, rows, problem) => {
    const problems = unbalancedRows(rows);
    expect(problems.length).toBe(1);
    expect(problems[0]).toMatch(problem);
  });
});
