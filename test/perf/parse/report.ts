import { cpus, loadavg } from "node:os";
import type { Goal } from "../benchmark.ts";
import { goalTable } from "../goal-table.ts";
import { textTable } from "../table.ts";
import type { Corpus } from "./corpora.ts";
import type { ParseRow } from "./figures.ts";
import type { ParseBenchOptions } from "./options.ts";
import { WORK_NAMES } from "./rules.ts";
import { speedUp, type WholeParser } from "./whole-parser.ts";

/** The figures for people. */
export function parseReport(
  rows: readonly ParseRow[],
  goals: readonly Goal[],
  corpora: readonly Corpus[],
  options: ParseBenchOptions,
  parser: { readonly memory: WholeParser; readonly cores: readonly WholeParser[] } | undefined,
): string {
  const parts = corpora.map((corpus) => {
    const { name, lines, bytes, check } = corpus;
    return (
      `${name}: ${count(lines)} lines, ${megabytes(bytes)}; ssh events among the ${count(check.lines)} lines whose outputs are compared\n` +
      rowTable(rows.filter((row) => row.corpus === name))
    );
  });
  if (parser) parts.push(parserText(parser));
  parts.push(`goals\n${goalTable(goals)}`);
  const [load = 0] = loadavg();
  parts.push(
    `medians of ${options.rounds} rounds, all by turns; CPU of all threads; lines/s a core = 1,000,000 ÷ CPU µs a line; ` +
      `${options.pin === undefined ? "not bound to a core" : `bound to core ${options.pin}`}; ` +
      `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, load ${load.toFixed(1)} at the end`,
  );
  return parts.join("\n\n");
}

function rowTable(rows: readonly ParseRow[]): string {
  return textTable<ParseRow>(
    [
      { title: "parser", text: ({ name }) => name },
      { title: "work", text: ({ work }) => WORK_NAMES[work] },
      { title: "lines/s a core", right: true, text: (row) => figure(row.linesPerSecondPerCore, count) },
      { title: "CPU µs/line", right: true, text: (row) => figure(row.cpuMicrosPerLine, fixed) },
      { title: "lines/s seen", right: true, text: (row) => figure(row.linesPerSecond, count) },
      { title: "× liblognorm", right: true, text: (row) => figure(row.timesLiblognorm, fixed) },
      { title: "memory", right: true, text: (row) => figure(row.peakBytes, megabytes) },
      { title: "ssh", right: true, text: (row) => figure(row.sshEvents, count) },
      { title: "note", text: (row) => (row.missing === null ? row.note : `not here: ${row.missing}`) },
    ],
    rows,
  );
}

function parserText({
  memory,
  cores,
}: {
  readonly memory: WholeParser;
  readonly cores: readonly WholeParser[];
}): string {
  const table = textTable<WholeParser>(
    [
      { title: "a parser's process", text: ({ threads }) => (threads === 1 ? "1 thread" : `${threads} threads`) },
      { title: "file", right: true, text: ({ bytes }) => megabytes(bytes) },
      { title: "lines", right: true, text: ({ runs }) => count(runs[0]!.lines) },
      {
        title: "seconds",
        right: true,
        text: ({ runs }) => runs.map((run) => (run.wallMicros / 1e6).toFixed(1)).join(" "),
      },
      { title: "memory", right: true, text: ({ peakBytes }) => megabytes(peakBytes) },
    ],
    [memory, ...cores],
  );
  return `${table}\ntwo threads are ${fixed(speedUp(cores) ?? 0)} times as fast as one`;
}

function figure(value: number | null, text: (value: number) => string): string {
  return value === null ? "–" : text(value);
}

const count = (n: number) => Math.round(n).toLocaleString("en");
const fixed = (n: number) => n.toFixed(2);
const megabytes = (bytes: number) => `${Math.round(bytes / 1e6).toLocaleString("en")} MB`;
