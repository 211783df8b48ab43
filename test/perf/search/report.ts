import { cpus, loadavg } from "node:os";
import { atLeast, type Goal, type Row } from "../benchmark.ts";
import { goalTable } from "../goal-table.ts";
import { textTable } from "../table.ts";
import type { Month } from "./month.ts";
import { median } from "../../../orchestrator/median.ts";

/** What is measured: two questions to Elasticsearch, and the one that greps have for both. */
export const WAYS = ["first", "all", "raw", "compressed"] as const;
export type Asked = (typeof WAYS)[number];

/** What the table calls a way. */
export interface Label {
  readonly name: string;
  readonly note: string;
}

export const ELASTICSEARCH = {
  first: { name: "Elasticsearch, count and first 100", note: "one search over all days, by time" },
  all: { name: "Elasticsearch, all hits", note: "PIT and search_after" },
} as const satisfies Partial<Record<Asked, Label>>;

export interface SearchRow extends Row {
  readonly note: string;
  readonly millis: number;
  /** How often it is done while the raw files are searched once. */
  readonly timesRaw: number;
}

export function searchRow(
  way: Asked,
  { name, note }: Label,
  millis: Readonly<Record<Asked, readonly number[]>>,
): SearchRow {
  return { name, note, millis: median(millis[way]), timesRaw: timesRaw(way, millis) };
}

/** What this project set out to reach. The questions of one round are compared with each other. */
export function searchGoals(millis: Readonly<Record<Asked, readonly number[]>>): Goal[] {
  return [
    atLeast("times faster than the raw files, count and first 100", 1000, timesRaw("first", millis)),
    atLeast("times faster than the raw files, all hits", 32, timesRaw("all", millis)),
  ];
}

function timesRaw(way: Asked, millis: Readonly<Record<Asked, readonly number[]>>): number {
  return median(millis[way].map((one, round) => millis.raw[round]! / one));
}

/** The figures for people. */
export function searchReport(
  rows: readonly SearchRow[],
  goals: readonly Goal[],
  month: Pick<Month, "rawBytes" | "compressedBytes" | "lines" | "files">,
  { user, lines, rounds }: { readonly user: string; readonly lines: number; readonly rounds: number },
): string {
  const table = textTable<SearchRow>(
    [
      { title: "every line of one user", text: ({ name }) => name },
      { title: "ms", right: true, text: ({ millis }) => (millis < 100 ? millis.toFixed(1) : whole(millis)) },
      { title: "× raw files", right: true, text: ({ timesRaw: times }) => times.toFixed(2) },
      { title: "note", text: ({ note }) => note },
    ],
    rows,
  );
  const [load = 0] = loadavg();
  return [
    table,
    goalTable(goals),
    `${user}: ${whole(lines)} of ${whole(month.lines)} lines; ${gigabytes(month.rawBytes)} in ${whole(month.files)} files, ${gigabytes(month.compressedBytes)} compressed; ` +
      "greps take longer as the files grow, the index hardly does; " +
      `medians of ${rounds} rounds by turns, all caches warm, each found all lines; ${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, load ${load.toFixed(1)} at the end`,
  ].join("\n\n");
}

const whole = (value: number) => Math.round(value).toLocaleString("en");
const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
