import { formatCount, formatTable, printable } from "../cli/io.ts";
import type { ParseSummary } from "./parse-lines.ts";
import type { PipelineSummary } from "./parse-pipeline.ts";

/** The summary for people. @param patterns in the order in which they are tried */
export function formatSummary(summary: ParseSummary, patterns: readonly string[]): string {
  const { lines, matched, missed, givenUp, unreadable, badUtf8, truncated, matchedBy, givenUpBy } = summary;
  const parts = [`${formatCount(matched)} matched`, `${formatCount(missed)} missed`];
  if (givenUp > 0) parts.push(`${formatCount(givenUp)} given up`);
  if (unreadable > 0) parts.push(`${formatCount(unreadable)} without a message`);
  const beside = [
    ...(badUtf8 > 0 ? [`${formatCount(badUtf8)} not UTF-8`] : []),
    ...(truncated > 0 ? [`${formatCount(truncated)} cut`] : []),
  ];
  const head = `${formatCount(lines)} lines: ${parts.join(", ")}${beside.length > 0 ? `; ${beside.join(", ")}` : ""}\n`;
  const anyGivenUp = givenUp > 0;
  const rows = [...new Set(patterns)].map((pattern) => [
    formatCount(matchedBy.get(pattern) ?? 0),
    ...(anyGivenUp ? [formatCount(givenUpBy.get(pattern) ?? 0)] : []),
    printable(pattern),
  ]);
  const columns = [
    { title: "matched", align: "right" },
    ...(anyGivenUp ? [{ title: "given up", align: "right" } as const] : []),
    { title: "pattern" },
  ] as const;
  return head + formatTable(columns, rows);
}

/** The summary of a pipeline's run, for people: lines and documents, and what was dropped or has no header that can be read, by reason. */
export function formatPipelineSummary(summary: PipelineSummary): string {
  const { lines, documents, unreadable, droppedBy, unparsedBy } = summary;
  const dropped = [...droppedBy.values()].reduce((sum, n) => sum + n, 0);
  const unparsed = [...unparsedBy.values()].reduce((sum, n) => sum + n, 0);
  const parts = [`${formatCount(documents)} documents`, `${formatCount(dropped)} dropped`];
  const beside = [
    ...(unparsed > 0 ? [`${formatCount(unparsed)} unparsed`] : []),
    ...(unreadable > 0 ? [`${formatCount(unreadable)} without a message`] : []),
  ];
  const head = `${formatCount(lines)} lines: ${parts.join(", ")}${beside.length > 0 ? `; ${beside.join(", ")}` : ""}\n`;
  const rows = [
    ...Array.from(droppedBy, ([reason, n]) => [formatCount(n), "dropped", printable(reason)]),
    ...Array.from(unparsedBy, ([kind, n]) => [formatCount(n), "unparsed", kind]),
  ];
  if (rows.length === 0) return head;
  return head + formatTable([{ title: "lines", align: "right" }, { title: "" }, { title: "reason" }], rows);
}
