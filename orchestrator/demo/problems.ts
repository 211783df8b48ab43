import type { Report } from "../report.ts";
import type { Manifest } from "../sample/index.ts";
import type { Leftovers } from "./leftovers.ts";

/** What is wrong beside the counts in Elasticsearch, one line each. Pure. */
export function problemsOf(
  report: Report,
  manifest: Manifest,
  kept: boolean,
  metrics: number,
  leftovers: Leftovers,
): readonly string[] {
  const { lines } = report;
  const expected: readonly (readonly [what: string, expected: unknown, found: unknown])[] = [
    ["lines read", manifest.lines, lines.read],
    ["lines written", manifest.lines, lines.written],
    ["duplicates", 0, lines.duplicate],
    ["lines dropped", 0, lines.dropped],
    ["lines rejected", 0, lines.rejected],
    ["lines unparsed", manifest.unparsed.total, lines.unparsed],
    ["documents", manifest.lines, report.documents],
    ["bytes", manifest.bytes, report.bytes],
    ["files", manifest.files.length, report.files],
    ["snapshot verified", true, report.snapshot?.verified ?? false],
    ...(kept ? [] : [["state", "done", report.state] as const]),
  ];
  return [
    ...expected
      .filter(([, a, b]) => a !== b)
      .map(([what, a, b]) => `${what}: ${String(a)} expected, ${String(b)} found`),
    ...report.fileProblems.map(({ path, problem }) => `${path}: ${problem}`),
    ...(metrics > 0 ? [] : ["Graphite has no metric of the campaign"]),
    ...leftovers.jobs.map((job) => `job left over: ${job}`),
    ...leftovers.processes.map((process) => `process left over: ${process}`),
    ...leftovers.files.map((file) => `file left over: ${file}`),
  ];
}
