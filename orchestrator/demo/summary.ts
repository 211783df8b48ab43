import { formatBytes, formatCount, formatTable } from "../cli/io.ts";
import { groupRows, parseLine, programRows, type ParseReport } from "../parse-report.ts";
import type { Report } from "../report.ts";
import type { Compared } from "./comparison.ts";
import type { Leftovers } from "./leftovers.ts";
import { round, type Phases } from "./stopwatch.ts";

/** What `--json` prints. */
export interface DemoResult {
  readonly campaign: string;
  readonly state: string;
  readonly lines: {
    readonly read: number;
    readonly written: number;
    readonly duplicate: number;
    readonly dropped: number;
    readonly rejected: number;
    readonly unparsed: number;
  };
  readonly documents: number;
  /** Of the lines, after decompression. */
  readonly bytes: number;
  readonly files: number;
  readonly chunks: number;
  readonly jobs: readonly { readonly id: string; readonly role: string; readonly exit: number | null }[];
  /** Seconds; they follow one another. */
  readonly phases: Phases;
  /** Of the whole demo, the set-up included. */
  readonly wallSeconds: number;
  readonly loadSeconds: number;
  readonly eventsPerSecond: number;
  readonly snapshot: { readonly name: string; readonly verified: boolean };
  readonly graphite: { readonly metrics: number };
  readonly leftovers: { readonly jobs: number; readonly processes: number; readonly files: number };
  /** What is not as it should be; absent when all is well. */
  readonly problems?: readonly string[];
}

export interface ResultInputs {
  readonly report: Report;
  /** The state at the end. */
  readonly state: string;
  readonly phases: Phases;
  readonly wallSeconds: number;
  readonly metrics: number;
  readonly leftovers: Leftovers;
  readonly problems: readonly string[];
}

export function makeResult(inputs: ResultInputs): DemoResult {
  const { report, leftovers, problems } = inputs;
  const { read, written, duplicate, dropped, rejected, unparsed } = report.lines;
  return {
    campaign: report.campaign,
    state: inputs.state,
    lines: { read, written, duplicate, dropped, rejected, unparsed },
    documents: report.documents,
    bytes: report.bytes,
    files: report.files,
    chunks: report.chunks,
    jobs: report.jobs.map(({ id, role, exit }) => ({ id, role, exit })),
    phases: inputs.phases,
    wallSeconds: round(inputs.wallSeconds),
    loadSeconds: report.loadSeconds,
    eventsPerSecond: report.eventsPerSecond,
    snapshot: { name: report.snapshot?.name ?? "", verified: report.snapshot?.verified ?? false },
    graphite: { metrics: inputs.metrics },
    leftovers: {
      jobs: leftovers.jobs.length,
      processes: leftovers.processes.length,
      files: leftovers.files.length,
    },
    ...(problems.length > 0 ? { problems } : {}),
  };
}

/** The result of a demo whose campaign has no report: it was never made, or not for long. */
export function emptyResult(
  inputs: Pick<ResultInputs, "phases" | "wallSeconds" | "problems"> & { readonly campaign: string },
): DemoResult {
  return {
    campaign: inputs.campaign,
    state: "failed",
    lines: { read: 0, written: 0, duplicate: 0, dropped: 0, rejected: 0, unparsed: 0 },
    documents: 0,
    bytes: 0,
    files: 0,
    chunks: 0,
    jobs: [],
    phases: inputs.phases,
    wallSeconds: round(inputs.wallSeconds),
    loadSeconds: 0,
    eventsPerSecond: 0,
    snapshot: { name: "", verified: false },
    graphite: { metrics: 0 },
    leftovers: { jobs: 0, processes: 0, files: 0 },
    problems: inputs.problems,
  };
}

/**
 * The demo's phases with the campaign's own in place of the time of watching it. `serve` is left out: that is when the
 * demo compares.
 */
export function joinPhases(own: Phases, campaign: Readonly<Record<string, number>>): Phases {
  const joined: Phases = {};
  for (const [name, seconds] of Object.entries(own)) {
    if (name !== "campaign") {
      joined[name] = seconds;
      continue;
    }
    for (const phase of ["boot", "load", "paused", "finish"]) {
      const of = campaign[phase];
      if (of !== undefined) joined[phase] = of;
    }
  }
  return joined;
}

/** The share of full parses by program, and what has no pattern. */
function parsingTables(parsing: ParseReport): readonly string[] {
  const tableOf = ([titles = [], ...rows]: readonly (readonly string[])[], numbers: readonly number[]): string =>
    formatTable(
      titles.map((title, i) => ({
        title: title.toUpperCase(),
        ...(numbers.includes(i) ? { align: "right" as const } : {}),
      })),
      rows,
    );
  const misses = groupRows(parsing.misses, "stage");
  return [
    "",
    tableOf(programRows(parsing), [1, 2, 3, 4, 5]),
    ...(misses.length > 1 ? ["", "no pattern reads these:", tableOf(misses, [3])] : []),
  ];
}

/** A short account for people. */
export function resultText(result: DemoResult, report: Report, compared: readonly Compared[]): string {
  const { lines } = result;
  const facts: [string, string][] = [
    ["campaign", `${result.campaign}: ${result.state}`],
    [
      "lines",
      `${formatCount(lines.read)} read = ${formatCount(lines.written)} written + ${formatCount(lines.duplicate)} duplicate + ${formatCount(lines.dropped)} dropped + ${formatCount(lines.rejected)} rejected; ${formatCount(lines.unparsed)} stored unparsed`,
    ],
    [
      "archive",
      `${formatBytes(result.bytes)} in ${formatCount(result.files)} files, ${formatCount(result.chunks)} chunks`,
    ],
    [
      "rate",
      `${formatCount(result.eventsPerSecond)} events/s for ${result.loadSeconds} s; parser ${report.parseMicrosPerLine} µs of CPU a line, Elasticsearch ${report.storeMicrosPerDocument} µs a document`,
    ],
    ["parsing", report.parsing ? parseLine(report.parsing) : ""],
    ["snapshot", `${result.snapshot.name}, ${result.snapshot.verified ? "verified by restoring it" : "NOT verified"}`],
    ["metrics", `${formatCount(result.graphite.metrics)} in Graphite`],
    ["checked", compared.map(({ aspect, numbers }) => `${formatCount(numbers)} ${aspect}`).join(", ")],
    [
      "left over",
      result.state === "serving"
        ? "not looked for: it is all kept up"
        : `${result.leftovers.jobs} jobs, ${result.leftovers.processes} processes, ${result.leftovers.files} files`,
    ],
  ];
  const phases = Object.entries(result.phases);
  const steps = Object.entries(report.phases).filter(([name]) => name.startsWith("finish: "));
  const rows = phases.flatMap(([name, seconds]) => [
    [name, seconds.toFixed(1)],
    ...(name === "finish" ? steps.map(([step, s]) => [`  ${step.slice("finish: ".length)}`, `(${s.toFixed(1)})`]) : []),
  ]);
  return [
    "",
    ...facts.map(([name, value]) => `${name.padEnd(10)} ${value}`),
    "",
    formatTable(
      [{ title: "PHASE" }, { title: "SECONDS", align: "right" }],
      [...rows, ["all together", result.wallSeconds.toFixed(1)]],
    ),
    ...(report.parsing ? parsingTables(report.parsing) : []),
  ].join("\n");
}
