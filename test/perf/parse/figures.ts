import { atLeast, atMost, type Goal, type Row } from "../benchmark.ts";
import { COMPILED, ELASTICSEARCH, INTERPRETER, LIBLOGNORM, UNBOUND } from "./contenders.ts";
import type { Measure } from "./measure.ts";
import type { Work } from "./rules.ts";
import { median } from "../../../orchestrator/median.ts";

/** What one contender did on one corpus. */
export interface ParseRow extends Row {
  readonly corpus: string;
  readonly work: Work;
  /** How to get it, when it is not there; figures are then null. */
  readonly missing: string | null;
  readonly note: string;
  readonly rounds: number;
  /** In one round. */
  readonly lines: number | null;
  /** Of all its threads together. */
  readonly cpuMicrosPerLine: number | null;
  /** A million divided by that: what one core does. */
  readonly linesPerSecondPerCore: number | null;
  /** By the wall clock. */
  readonly linesPerSecond: number | null;
  /** CPU time of liblognorm for a line on the same work, divided by this one's. */
  readonly timesLiblognorm: number | null;
  readonly peakBytes: number | null;
  /** Of the lines that are compared: SHA-256 of the output, and how many became one of the seven events of sshd. */
  readonly digest: string | null;
  readonly sshEvents: number | null;
}

/** The row of some rounds, before it is compared with others. */
export function measuredRow(
  base: Pick<ParseRow, "name" | "corpus" | "work" | "note" | "digest" | "sshEvents">,
  runs: readonly Measure[],
  peakBytes: number | undefined,
): ParseRow {
  const cpu = median(runs.map(({ cpuMicros, lines }) => cpuMicros / lines));
  const wall = median(runs.map(({ wallMicros, lines }) => wallMicros / lines));
  return {
    ...base,
    missing: null,
    rounds: runs.length,
    lines: median(runs.map(({ lines }) => lines)),
    cpuMicrosPerLine: cpu,
    linesPerSecondPerCore: 1e6 / cpu,
    linesPerSecond: 1e6 / wall,
    timesLiblognorm: null,
    peakBytes: peakBytes ?? null,
  };
}

/** The row of a contender that is not there. */
export function missingRow(base: Pick<ParseRow, "name" | "corpus" | "work" | "note">, missing: string): ParseRow {
  return {
    ...base,
    missing,
    rounds: 0,
    lines: null,
    cpuMicrosPerLine: null,
    linesPerSecondPerCore: null,
    linesPerSecond: null,
    timesLiblognorm: null,
    peakBytes: null,
    digest: null,
    sshEvents: null,
  };
}

/** Each row beside liblognorm's for the same work; what liblognorm does not do has none. */
export function withRatios(rows: readonly ParseRow[]): ParseRow[] {
  return rows.map((row) => ({ ...row, timesLiblognorm: timesFaster(rows, row, LIBLOGNORM) ?? null }));
}

function timesFaster(rows: readonly ParseRow[], row: ParseRow | undefined, than: string): number | undefined {
  if (!row) return undefined;
  const other = rows.find(({ name, work, corpus }) => name === than && work === row.work && corpus === row.corpus);
  const [mine, theirs] = [row.cpuMicrosPerLine, other?.cpuMicrosPerLine];
  return mine && theirs ? theirs / mine : undefined;
}

/** What this project set out to reach, on the sample. */
export function parseGoals(
  rows: readonly ParseRow[],
  parser: { readonly peakBytes: number | undefined; readonly speedUp: number | undefined },
): Goal[] {
  const of = (name: string, work: Work) =>
    rows.find((row) => row.corpus === "sample" && row.name === name && row.work === work);
  const header = of(COMPILED, "header");
  const ssh = of(COMPILED, "ssh");
  const unbound = of(UNBOUND, "ssh")?.cpuMicrosPerLine;
  return [
    atLeast("header and message, lines/s a core", 1_500_000, header?.linesPerSecondPerCore ?? undefined),
    atLeast("full ssh classification, lines/s a core", 1_000_000, ssh?.linesPerSecondPerCore ?? undefined),
    atLeast("times liblognorm, header and message", 1.5, timesFaster(rows, header, LIBLOGNORM)),
    atLeast("times liblognorm, ssh", 1.5, timesFaster(rows, ssh, LIBLOGNORM)),
    atLeast("times Elasticsearch's grok, header and message", 4, timesFaster(rows, header, ELASTICSEARCH)),
    atLeast("times Elasticsearch's grok, ssh", 4, timesFaster(rows, ssh, ELASTICSEARCH)),
    atMost("memory of a parser, MB", 200, parser.peakBytes === undefined ? undefined : parser.peakBytes / 1e6),
    atLeast("times one thread with two, on 2 cores", 1.8, parser.speedUp),
    atMost(
      "CPU of a line on any core over that on one",
      1.1,
      unbound && ssh?.cpuMicrosPerLine ? unbound / ssh.cpuMicrosPerLine : undefined,
    ),
    atLeast("outputs equal to the interpreter's, as a share", 1, shareOfEqual(rows)),
  ];
}

/** Of the compiled engine's outputs that have an interpreter's to be compared with. */
function shareOfEqual(rows: readonly ParseRow[]): number | undefined {
  const pairs = rows
    .filter(({ name }) => name === COMPILED)
    .map((row) => [row, rows.find((o) => o.name === INTERPRETER && o.work === row.work && o.corpus === row.corpus)])
    .filter(([mine, theirs]) => mine?.digest && theirs?.digest);
  if (pairs.length === 0) return undefined;
  return pairs.filter(([mine, theirs]) => mine!.digest === theirs!.digest).length / pairs.length;
}
