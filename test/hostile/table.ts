import type { PatternResult } from "./run-patterns.ts";
import type { LinesResult } from "./try-lines.ts";

/** A row of the table: what it was, what became of it, what it cost. */
export interface HostileRow {
  readonly kind: "lines" | "pattern";
  readonly name: string;
  readonly outcome: string;
  readonly cpuMs: number;
  /** Something was lost, or stalled, or ended a thread or a process. */
  readonly isFault: boolean;
}

const MESSAGE_LENGTH = 110;

/** @param result of a file of lines */
export function rowOfLines({ name, read, stored, tagged, bodyBytes, cpuMs, flaws }: LinesResult): HostileRow {
  const outcome = [
    `${String(stored)} of ${String(read)} lines stored, ${showBytes(bodyBytes)}`,
    ...Object.entries(tagged).map(([tag, n]) => (n === stored ? tag : `${tag} ${String(n)}`)),
    ...flaws.map((flaw) => `FAULT: ${flaw}`),
  ];
  return { kind: "lines", name, outcome: outcome.join(", "), cpuMs, isFault: flaws.length > 0 };
}

/** @param result of a pattern */
export function rowOfPattern({ name, outcome, cpuMs }: PatternResult): HostileRow {
  return { kind: "pattern", name, outcome: showOutcome(outcome), cpuMs, isFault: isFault(outcome) };
}

function isFault(outcome: PatternResult["outcome"]): boolean {
  return outcome.kind === "used" ? !outcome.whole : outcome.kind !== "refused";
}

function showOutcome(outcome: PatternResult["outcome"]): string {
  switch (outcome.kind) {
    case "refused":
      return `refused, ${outcome.code}: ${shorten(outcome.message)}`;
    case "stalled":
      return `FAULT: no outcome in ${String(outcome.seconds)} s`;
    case "crashed":
      return `FAULT: its process ended, ${shorten(outcome.message)}`;
    case "used": {
      const { documents, danger, whole } = outcome;
      const fates = documents.map((tags) => (tags === "" ? "stored" : `stored, ${tags}`)).join("; ");
      return [
        fates,
        ...(danger === undefined ? [] : [`danger found: ${danger}`]),
        ...(whole ? [] : ["FAULT: lines lost"]),
      ].join("; ");
    }
  }
}

/** The end says what to do. */
function shorten(message: string): string {
  const text = message.replaceAll(/\s+/g, " ");
  const half = MESSAGE_LENGTH / 2;
  return text.length <= MESSAGE_LENGTH ? text : `${text.slice(0, half)} … ${text.slice(-half)}`;
}

function showBytes(bytes: number): string {
  return bytes < 10_000
    ? `${String(bytes)} B`
    : bytes < 10_000_000
      ? `${String(Math.round(bytes / 1000))} kB`
      : `${String(Math.round(bytes / 1_000_000))} MB`;
}

/** The row for people. */
export function showRow({ kind, name, outcome, cpuMs }: HostileRow): string {
  return `${kind.padEnd(7)}  ${name.padEnd(52)}  ${String(cpuMs).padStart(6)} ms  ${outcome}`;
}
