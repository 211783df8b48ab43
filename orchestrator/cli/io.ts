import { createLog, type LogLevel } from "../log.ts";
import type { Io } from "./command.ts";

/** The streams of a process, or of a test. */
export interface Streams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream;
}

/** The `Io` of a command. With `--json` the logs on stderr are JSON lines too. */
export function createIo(streams: Streams, options: { readonly json: boolean; readonly level: LogLevel }): Io {
  return {
    stdout: streams.stdout,
    stderr: streams.stderr,
    isTTY: streams.stdout.isTTY === true,
    json: options.json,
    log: createLog({ json: options.json, level: options.level, stream: streams.stderr }),
  };
}

const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Bytes for people: `0 B`, `17.3 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${SIZE_UNITS[unit] ?? ""}`;
}

/** A count for people, in groups of three: `1,000,000`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** A duration for people: `4 s`, `3 min 20 s`, `5 h 02 min`, `3 d 04 h`; `without end`. */
export function formatDuration(seconds: number): string {
  if (seconds === Infinity) return "without end";
  const s = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86400)} d ${two(Math.floor((s % 86400) / 3600))} h`;
}

/** Hostile names (line ends, escape sequences) as one harmless printable piece. */
export function printable(text: string): string {
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)
    ? JSON.stringify(text).replaceAll(
        /[\u007f-\u009f\u2028\u2029]/g,
        (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
      )
    : text;
}

/** A column of `formatTable`. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Rows as aligned text, two blanks between columns, each line ended. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map((row) => (row[i] ?? "").length), 0),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? "";
        return column.align === "right" ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
      })
      .join("  ")
      .trimEnd();
  return [columns.map((column) => column.title), ...rows].map((cells) => `${line(cells)}\n`).join("");
}
