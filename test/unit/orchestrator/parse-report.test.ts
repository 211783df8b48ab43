import { describe, expect, it } from "vitest";
import {
  groupRows,
  parseLine,
  parseReport,
  parseTotals,
  programRows,
  shareText,
} from "../../../orchestrator/parse-report.ts";
import type { Plan } from "../../../orchestrator/plan.ts";
import type { LedgerRow } from "../../../worker/contract/ledger.ts";

const plan = { files: [{ origin: { fileId: "f1", path: "auth/2013/01/a.log" } }] } as unknown as Pick<Plan, "files">;

function row(chunk: string, more: Partial<LedgerRow>): LedgerRow {
  return { chunk, ...more } as LedgerRow;
}

const ROWS = [
  row("f1-1", {
    parses: {
      programs: [{ program: "sshd", full: 6, failed: 2, headerOnly: 0, dropped: 0 }],
      misses: [{ program: "sshd", cause: "sshd", word: "Strange", lines: 2, fileId: "f1", offset: 900 }],
      overBudget: [{ pattern: "%{SLOW}", place: "auth.yaml:3:5", lines: 1 }],
    },
  }),
  row("f1-0", {
    parses: {
      programs: [
        { program: "sshd", full: 1, failed: 1, headerOnly: 0, dropped: 0 },
        { program: "noise", full: 0, failed: 0, headerOnly: 0, dropped: 7 },
        { program: "(no header)", full: 0, failed: 1, headerOnly: 0, dropped: 0 },
      ],
      misses: [
        { program: "(no header)", cause: "no-header", word: "at", lines: 1, fileId: "f1", offset: 30 },
        { program: "sshd", cause: "sshd", word: "Strange", lines: 1, fileId: "f1", offset: 10 },
      ],
      overBudget: [],
    },
    rejects: [{ program: "sshd", cause: "mapper", word: "Accepted", lines: 4, fileId: "gone", offset: 5 }],
  }),
  // Of a version that did not count.
  row("f1-2", {}),
];

describe("what a report says of parsing", () => {
  const report = parseReport(parseTotals(ROWS), plan);

  it("is the sum of the rows, with paths, in whatever order they come", () => {
    expect(report).toEqual({
      fullShare: 7 / 11,
      programs: [
        { program: "sshd", lines: 10, full: 7, failed: 3, headerOnly: 0, dropped: 0, fullShare: 0.7 },
        { program: "noise", lines: 7, full: 0, failed: 0, headerOnly: 0, dropped: 7 },
        { program: "(no header)", lines: 1, full: 0, failed: 1, headerOnly: 0, dropped: 0, fullShare: 0 },
      ],
      misses: [
        { program: "sshd", cause: "sshd", word: "Strange", lines: 3, file: "auth/2013/01/a.log", offset: 10 },
        { program: "(no header)", cause: "no-header", word: "at", lines: 1, file: "auth/2013/01/a.log", offset: 30 },
      ],
      rejects: [{ program: "sshd", cause: "mapper", word: "Accepted", lines: 4, file: "gone", offset: 5 }],
      overBudget: [{ pattern: "%{SLOW}", place: "auth.yaml:3:5", lines: 1 }],
    });
    expect(parseReport(parseTotals(ROWS.toReversed()), plan)).toEqual(report);
  });

  it("is shown in tables and a line", () => {
    expect(programRows(report, 2)).toEqual([
      ["program", "lines", "full parse", "a stage failed", "no stage", "dropped"],
      ["sshd", "10", "70.0 %", "3", "0", "0"],
      ["noise", "7", "", "0", "0", "7"],
      ["1 more", "", "", "", "", ""],
    ]);
    expect(groupRows(report.misses, "stage", 1)).toEqual([
      ["program", "stage", "first word", "lines", "for example"],
      ["sshd", "sshd", "Strange", "3", "auth/2013/01/a.log:10"],
      ["1 more", "", "", "", ""],
    ]);
    expect(parseLine(report)).toBe("63.6 % parsed fully; most lines without a pattern: sshd, Strange: 3");
    expect(parseLine(parseReport(parseTotals([]), plan))).toBe("no line parsed fully");
  });

  it.each([
    [1, "100 %"],
    [0.99999, "99.9 %"],
    [0.00001, "0.1 %"],
    [0, "0.0 %"],
    [undefined, ""],
  ])("a share of %s is %j", (share, text) => {
    expect(shareText(share)).toBe(text);
  });
});
