import {
  GroupSums,
  linesOf,
  NO_HEADER,
  OTHER,
  ParseSums,
  type LineGroup,
  type ParseCounts,
  type TableLimits,
} from "../worker/contract/parse-counts.ts";
import type { LedgerRow } from "../worker/contract/ledger.ts";
import type { Plan } from "./plan.ts";
import { withReplays } from "./replay/sums.ts";

/** How far the lines of a campaign were understood, and what to write the next pattern for. Pure. */

/** Of a report: content makes up the names. */
const REPORT_LIMITS: TableLimits = { programs: 1000, groups: 1000, patterns: 1000 };
/** While rows are added up. */
const HELD = 100_000;

/** Sums over ledger rows. */
export interface ParseTotals extends ParseCounts {
  readonly rejects: readonly LineGroup[];
}

/** Adds up what rows count. They come in any order; the sums are the same. */
export function parseTotals(rows: Iterable<LedgerRow>): ParseTotals {
  const sums = new ParseSums(HELD);
  const rejects = new GroupSums(HELD);
  // Where there are more names than are held, the order of the rows decides.
  for (const row of withReplays(rows).toSorted((a, b) => (a.chunk < b.chunk ? -1 : 1))) {
    if (row.parses) sums.add(row.parses);
    rejects.addAll(row.rejects ?? []);
  }
  return { ...sums.counts(REPORT_LIMITS), rejects: rejects.top(REPORT_LIMITS.groups) };
}

/** The lines of a program in a report. */
export interface ReportProgram {
  readonly program: string;
  readonly lines: number;
  readonly full: number;
  readonly failed: number;
  readonly headerOnly: number;
  readonly dropped: number;
  /** Full parses of the lines that were not dropped, 0 to 1; absent when all were. */
  readonly fullShare?: number;
}

/** Lines that have program, cause and first word in common, and where the first of them stands. */
export interface ReportGroup {
  readonly program: string;
  readonly cause: string;
  readonly word: string;
  readonly lines: number;
  readonly file: string;
  readonly offset: number;
}

/** What `report.json` says of parsing. */
export interface ParseReport {
  /** Of all lines that were not dropped, 0 to 1; absent when there is none. */
  readonly fullShare?: number;
  readonly programs: readonly ReportProgram[];
  readonly misses: readonly ReportGroup[];
  readonly rejects: readonly ReportGroup[];
  readonly overBudget: ParseCounts["overBudget"];
}

/** Puts paths for file ids. */
export function parseReport(totals: ParseTotals, plan: Pick<Plan, "files">): ParseReport {
  const paths = new Map(plan.files.map(({ origin }) => [origin.fileId, origin.path]));
  const group = ({ program, cause, word, lines, fileId, offset }: LineGroup): ReportGroup => {
    return { program, cause, word, lines, file: paths.get(fileId) ?? fileId, offset };
  };
  return {
    ...shareOf(totals.programs),
    programs: totals.programs.map((program) => ({
      program: program.program,
      lines: linesOf(program),
      full: program.full,
      failed: program.failed,
      headerOnly: program.headerOnly,
      dropped: program.dropped,
      ...shareOf([program]),
    })),
    misses: totals.misses.map(group),
    rejects: totals.rejects.map(group),
    overBudget: totals.overBudget,
  };
}

function shareOf(programs: ParseCounts["programs"]): { readonly fullShare?: number } {
  const kept = programs.reduce((sum, program) => sum + linesOf(program) - program.dropped, 0);
  const full = programs.reduce((sum, program) => sum + program.full, 0);
  return kept === 0 ? {} : { fullShare: full / kept };
}

/** `99.9 %`; 100 % is all, and 0 % is none. */
export function shareText(share: number | undefined): string {
  if (share === undefined) return "";
  if (share === 1) return "100 %";
  const tenths = Math.round(share * 1000);
  return `${(Math.min(999, share > 0 ? Math.max(1, tenths) : 0) / 10).toFixed(1)} %`;
}

/** Rows that are shown to people; all are in `report.json`. */
const SHOWN_PROGRAMS = 20;
const SHOWN_GROUPS = 15;

const count = (n: number): string => n.toLocaleString("en-US");

/** Titles, and a row for each of the programs that have most lines. */
export function programRows({ programs }: ParseReport, most = SHOWN_PROGRAMS): readonly (readonly string[])[] {
  const titles = ["program", "lines", "full parse", "a stage failed", "no stage", "dropped"];
  return [
    titles,
    ...programs
      .slice(0, most)
      .map((row) => [
        row.program,
        count(row.lines),
        shareText(row.fullShare),
        count(row.failed),
        count(row.headerOnly),
        count(row.dropped),
      ]),
    ...more(programs.length - most, titles.length),
  ];
}

/** Titles, and a row for each of the largest groups. @param cause what the cause of these is */
export function groupRows(
  groups: readonly ReportGroup[],
  cause: string,
  most = SHOWN_GROUPS,
): readonly (readonly string[])[] {
  const titles = ["program", cause, "first word", "lines", "for example"];
  return [
    titles,
    ...groups
      .slice(0, most)
      .map((row) => [row.program, row.cause, row.word, count(row.lines), `${row.file}:${String(row.offset)}`]),
    ...more(groups.length - most, titles.length),
  ];
}

function more(left: number, columns: number): readonly (readonly string[])[] {
  return left <= 0 ? [] : [[`${count(left)} more`, ...new Array<string>(columns - 1).fill("")]];
}

/** In a line: `full parse 98.2 %; most without: sshd Connection 1,204`. */
export function parseLine({ fullShare, misses }: ParseReport): string {
  const [first] = misses.filter(({ program }) => program !== OTHER && program !== NO_HEADER);
  const most =
    first === undefined ? "" : `; most lines without a pattern: ${first.program}, ${first.word}: ${count(first.lines)}`;
  return `${fullShare === undefined ? "no line" : shareText(fullShare)} parsed fully${most}`;
}
