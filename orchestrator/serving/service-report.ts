import type { ServedMonth } from "../campaign-store.ts";
import type { Report } from "../report.ts";

const number = (n: number): string => n.toLocaleString("en-US");

/** The readable report of a campaign that loaded nothing and served what another one saved. Markdown. */
export function serviceReportText(report: Report, serves: ServedMonth): string {
  const table = (title: string, rows: readonly (readonly string[])[]): string =>
    [title, title.replaceAll(/[^|]+/g, "---"), ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
  const list = (texts: readonly string[]): string => texts.map((text) => `- ${text}`).join("\n") || "None.";
  return `# Campaign ${report.campaign}: ${report.state}
${report.reason === undefined ? "" : `\n${report.reason}\n`}
It served ${report.months.join(", ")} of campaign ${serves.campaign} from the snapshot ${serves.snapshot} in ${serves.repository}.

- documents restored: ${number(report.documents)} in ${number(Object.keys(report.perIndex).length)} indices, ${number(Math.round(report.storeBytes / 2 ** 20))} MiB${report.snapshot?.verified ? ", as the ledger says" : "; not verified"}
- node-hours: ${String(report.nodeHours)}
- peak memory: data node ${number(Math.round(report.peakBytes.dataNode / 2 ** 20))} MiB

## Phases

${table(
  "| phase | seconds |",
  Object.entries(report.phases).map(([name, seconds]) => [name, String(seconds)]),
)}

## Jobs

${table(
  "| job | id | role | host | exit | seconds |",
  report.jobs.map(({ name, id, role, address, exit, seconds }) => [
    name,
    id,
    role,
    address ?? "",
    String(exit ?? ""),
    String(seconds),
  ]),
)}

## Warnings

${list(report.warnings)}

## Indices

${table(
  "| index | documents |",
  Object.entries(report.perIndex).map(([index, documents]) => [index, number(documents)]),
)}
`;
}
