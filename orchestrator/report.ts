import type { Counts, LedgerRow } from "../worker/contract/ledger.ts";
import { accountOf, accountOfJob, accountText, percent, type CampaignAccount } from "./accounting.ts";
import { budgetOf, budgetText, type Budget } from "./budget.ts";
import type { CampaignOutcome, CampaignState } from "./campaign.ts";
import type { CampaignRecord, ServedMonth } from "./campaign-store.ts";
import { problemText, type FileProblem } from "./file-problems.ts";
import type { FinishResult } from "./finish.ts";
import { totalOf } from "./ledger.ts";
import type { Estimate } from "./estimate.ts";
import { observed, type Observed } from "./jobs/forecast.ts";
import type { PutBack } from "./loss/record.ts";
import type { JobUsage } from "./jobs/agents.ts";
import { groupRows, parseReport, parseTotals, programRows, shareText, type ParseReport } from "./parse-report.ts";
import { MANIFEST } from "./paths.ts";
import type { Plan } from "./plan.ts";
import { isReplay } from "./replay/sums.ts";
import type { AgainMode } from "./revisions/again.ts";
import { serviceReportText } from "./serving/service-report.ts";
import type { CampaignView } from "./view.ts";

/** `report.json`: what a campaign did, for ever. */
export interface Report {
  readonly campaign: string;
  readonly state: CampaignState;
  readonly outcome?: CampaignOutcome;
  readonly reason?: string;
  readonly plan: string;
  readonly months: readonly string[];
  readonly lines: Omit<Counts, "bytes">;
  readonly droppedBy: Readonly<Record<string, number>>;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly unparsedBy: Readonly<Record<string, number>>;
  /** How far lines were understood; absent in reports of versions that did not count it. */
  readonly parsing?: ParseReport;
  readonly documents: number;
  readonly bytes: number;
  readonly files: number;
  /** Committed ones, and all that were known; more would have come of files that were not unpacked. */
  readonly chunks: number;
  readonly chunksTotal: number;
  readonly perIndex: Readonly<Record<string, number>>;
  readonly fileProblems: readonly FileProblem[];
  readonly jobs: readonly ReportJob[];
  /** Seconds by phase, in order. */
  readonly phases: Readonly<Record<string, number>>;
  readonly wallSeconds: number;
  readonly loadSeconds: number;
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly nodeHours: number;
  /** Shards that went with data nodes, and what was loaded again for them. */
  readonly reloads: readonly ReportReload[];
  /** Documents of attempts that were not committed, deleted before the sums were checked. */
  readonly leftovers: number;
  /** How long jobs waited and booted, and how fast shards moved. */
  readonly observed: Observed;
  /** What the jobs cost: node-hours and core-hours, CPU used of what was reserved, waits in the queue. */
  readonly account: CampaignAccount;
  /** What they were allowed to cost; absent without a limit. */
  readonly budget?: Budget;
  readonly storeBytes: number;
  readonly indexBytesPerDocument: number;
  /** CPU of all data nodes while loading, per document and copy of it. */
  readonly storeMicrosPerDocument: number;
  /** CPU of the parsing threads, and of whole parser jobs, per line. */
  readonly parseMicrosPerLine: number;
  readonly parserMicrosPerLine: number;
  readonly peakBytes: { readonly orchestrator: number; readonly parser: number; readonly dataNode: number };
  readonly snapshot?: FinishResult["snapshot"];
  /** Of a month that was loaded again: the campaign that it goes on from, and what was taken over of it. */
  readonly again?: {
    readonly mode: AgainMode;
    readonly revision: number;
    readonly of: string;
    readonly chunks: number;
    readonly documents: number;
  };
  /** The manifest of what was read, and its Merkle root of each month. */
  readonly manifest?: { readonly file: string; readonly roots: Readonly<Record<string, string>> };
  /** Of a campaign that loaded nothing and served this. */
  readonly serves?: ServedMonth;
  readonly planned?: Estimate;
  readonly warnings: readonly string[];
  readonly perFile: readonly ReportFile[];
}

export interface ReportJob {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly address?: string;
  readonly exit: number | null;
  readonly how?: string;
  /** The job whose place it took. */
  readonly replaces?: string;
  /** In the queue; absent of a job that never ran. */
  readonly waitSeconds?: number;
  /** From its start to its end. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** CPU seconds used of those reserved, 0 to 1; absent of a job that never ran. */
  readonly cpuEfficiency?: number;
  readonly peakBytes: number;
}

export interface ReportReload extends PutBack {
  readonly at: string;
  readonly nodes: readonly string[];
  readonly shards: number;
  /** Until what was lost waited in the spool again. */
  readonly seconds: number;
}

export interface ReportFile extends Omit<Counts, "bytes"> {
  readonly path: string;
  readonly bytes: number;
}

export interface ReportInputs {
  readonly record: CampaignRecord;
  readonly plan: Plan;
  readonly view: CampaignView;
  readonly rows: readonly LedgerRow[];
  readonly finish?: FinishResult | undefined;
  /** Of a campaign that has not finished: what is known of files that are not whole. */
  readonly fileProblems: readonly FileProblem[];
  /** Chunks that the spool knew at the last look. */
  readonly chunksTotal: number;
  readonly usage: ReadonlyMap<string, JobUsage>;
  readonly storeCpuMillis: number;
  readonly orchestratorPeakBytes: number;
  readonly now: number;
}

/** The names of the phases, by the state or step that they are. */
export function phasesOf(view: CampaignView, now: number): Record<string, number> {
  const phases: Record<string, number> = {};
  const names: Readonly<Partial<Record<CampaignState, string>>> = {
    booting: "boot",
    running: "load",
    paused: "paused",
    finishing: "finish",
    serving: "serve",
    held: "held",
    restoring: "restore",
    "tearing-down": "teardown",
  };
  view.states.forEach(({ state, at }, i) => {
    const name = names[state];
    if (name === undefined) return;
    const seconds = ((view.states[i + 1]?.at ?? now) - at) / 1000;
    phases[name] = round((phases[name] ?? 0) + seconds);
  });
  for (const step of view.steps.values()) {
    if (step.doneAt === undefined || !SHOWN_STEPS.has(step.name)) continue;
    phases[`finish: ${step.name}`] = round((step.doneAt - step.startedAt) / 1000);
  }
  return phases;
}

const SHOWN_STEPS = new Set(["drain-parsers", "revoke-loader", "reconcile", "export", "snapshot", "verify-snapshot"]);

const round = (n: number, digits = 1): number => Math.round(n * 10 ** digits) / 10 ** digits;

export function makeReport(inputs: ReportInputs): Report {
  const { record, view, rows, finish, usage, now } = inputs;
  // What only serves loads none of the plan's files.
  const plan = record.serves ? { ...inputs.plan, files: [], problems: [] } : inputs.plan;
  const totals = totalOf(rows);
  const { bytes, ...lines } = totals.counts;
  const documents = finish?.documents ?? lines.written + lines.duplicate;
  // What was taken over of an earlier campaign has cost that one, and says nothing of this load's speed.
  const carried = totalOf(rows.filter((row) => row.carried));
  const ownRows = rows.filter((row) => !row.carried);
  const own = totalOf(ownRows);
  const ownDocuments = documents - carried.counts.written - carried.counts.duplicate;
  const phases = phasesOf(view, now);
  const loadSeconds = phases["load"] ?? 0;
  const accounts = new Map(
    [...view.jobs.values()].map((job) => [
      job.name,
      accountOfJob(record.config, job, usage.get(job.name)?.cpuSeconds ?? 0, now),
    ]),
  );
  const account = accountOf([...accounts.values()]);
  const budget = budgetOf(record.config, view, now);
  const jobs = [...view.jobs.values()].map((job): ReportJob => {
    const cost = accounts.get(job.name);
    return {
      id: job.jobId ?? "",
      name: job.name,
      role: job.role,
      ...(job.address === undefined ? {} : { address: job.address }),
      exit: job.ended?.exit ?? null,
      ...(job.ended === undefined ? {} : { how: job.ended.how }),
      ...(job.replaces === undefined ? {} : { replaces: job.replaces }),
      ...(cost?.waitSeconds === undefined ? {} : { waitSeconds: round(cost.waitSeconds) }),
      seconds: round(cost?.runSeconds ?? 0),
      cpuSeconds: round(cost?.cpuSeconds ?? 0),
      ...(cost?.cpuEfficiency === undefined ? {} : { cpuEfficiency: round(cost.cpuEfficiency, 3) }),
      peakBytes: usage.get(job.name)?.rssBytes ?? 0,
    };
  });
  const peak = (role: string): number =>
    Math.max(0, ...jobs.filter((job) => job.role === role).map((job) => job.peakBytes));
  const parserCpu = jobs.filter((job) => job.role === "parser").reduce((sum, job) => sum + job.cpuSeconds, 0);
  const per = (total: number, n: number): number => (n === 0 ? 0 : round(total / n, 2));
  const end =
    view.states.find(({ state }) => state === "done" || state === "failed" || state === "cancelled")?.at ?? now;
  return {
    campaign: record.id,
    state: view.state,
    ...(view.outcome === undefined ? {} : { outcome: view.outcome }),
    ...(view.reason === undefined ? {} : { reason: view.reason }),
    plan: plan.id,
    months: record.months,
    lines,
    droppedBy: totals.droppedBy,
    rejectedBy: totals.rejectedBy,
    unparsedBy: totals.unparsedBy,
    parsing: parseReport(parseTotals(rows), plan),
    documents,
    bytes,
    files: plan.files.length,
    chunks: totals.chunks,
    // The spool counts replays among them.
    chunksTotal: Math.max(carried.chunks + inputs.chunksTotal - ownRows.filter(isReplay).length, totals.chunks),
    perIndex: finish?.perIndex ?? totals.perIndex,
    fileProblems: finish?.fileProblems ?? inputs.fileProblems,
    jobs,
    phases,
    wallSeconds: round((end - record.createdAt) / 1000),
    loadSeconds,
    eventsPerSecond: loadSeconds > 0 ? Math.round(own.counts.read / loadSeconds) : 0,
    bytesPerSecond: loadSeconds > 0 ? Math.round(own.counts.bytes / loadSeconds) : 0,
    nodeHours: account.nodeHours,
    account,
    ...(budget === undefined ? {} : { budget }),
    reloads: view.reloads.flatMap(({ at, nodes, shards, done }): ReportReload[] => {
      if (!done) return [];
      const { at: doneAt, ...put } = done;
      return [
        { at: new Date(at).toISOString(), nodes, shards: shards.length, seconds: round((doneAt - at) / 1000), ...put },
      ];
    }),
    leftovers: Number(view.steps.get("sweep")?.result ?? 0),
    observed: observed(view, now),
    storeBytes: finish?.storeBytes ?? 0,
    indexBytesPerDocument: per(finish?.storeBytes ?? 0, documents),
    storeMicrosPerDocument: per((inputs.storeCpuMillis * 1000) / (1 + record.config.dataNodes.replicas), ownDocuments),
    parseMicrosPerLine: per(own.parseCpuMicros, own.counts.read),
    parserMicrosPerLine: per(parserCpu * 1e6, own.counts.read),
    peakBytes: { orchestrator: inputs.orchestratorPeakBytes, parser: peak("parser"), dataNode: peak("es-data") },
    ...(finish === undefined ? {} : { snapshot: finish.snapshot }),
    ...(plan.again && !record.serves
      ? {
          again: {
            ...{ mode: plan.again.mode, revision: plan.pinned.revision, of: plan.again.campaign },
            ...{ chunks: carried.chunks, documents: documents - ownDocuments },
          },
        }
      : {}),
    ...(finish?.roots === undefined ? {} : { manifest: { file: MANIFEST, roots: finish.roots } }),
    ...(record.serves === undefined ? {} : { serves: record.serves }),
    ...(plan.estimate && !record.serves ? { planned: plan.estimate } : {}),
    warnings: view.warnings,
    perFile: perFile(plan, rows),
  };
}

function perFile(plan: Plan, rows: readonly LedgerRow[]): ReportFile[] {
  const byFile = new Map<string, LedgerRow[]>();
  for (const row of rows) {
    const list = byFile.get(row.fileId) ?? [];
    list.push(row);
    byFile.set(row.fileId, list);
  }
  return plan.files.map(({ origin }) => ({ path: origin.path, ...totalOf(byFile.get(origin.fileId) ?? []).counts }));
}

const number = (n: number): string => n.toLocaleString("en-US");
const mib = (bytes: number): string => `${number(Math.round(bytes / 2 ** 20))} MiB`;

/** How far lines were understood, and what the next pattern is to be written for. */
function parsingText(parsing: ParseReport, table: (rows: readonly (readonly string[])[]) => string): string {
  const { fullShare, programs, misses, rejects, overBudget } = parsing;
  if (programs.length === 0) return "";
  const more = (title: string, rows: readonly (readonly string[])[]): string =>
    rows.length < 2 ? "" : `\n${title}:\n\n${table(rows)}\n`;
  const given = overBudget.map(({ pattern, place, lines }) => [pattern, place, number(lines)]);
  return `## Parsing

Full parse: ${shareText(fullShare)} of the lines that were not dropped. In full: \`parsing\` of report.json.

${table(programRows(parsing))}
${more("No pattern reads these", groupRows(misses, "stage"))}${more("Rejected", groupRows(rejects, "error"))}${more("Matching was given up", [["pattern", "place", "lines"], ...given])}
`;
}

/** The readable form, Markdown. */
export function reportText(report: Report): string {
  if (report.serves) return serviceReportText(report, report.serves);
  const { lines, planned } = report;
  const table = (rows: readonly (readonly string[])[]): string =>
    rows
      .map(
        (row, i) =>
          `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |${i === 0 ? `\n|${row.map(() => "---|").join("")}` : ""}`,
      )
      .join("\n");
  const listOf = (record: Readonly<Record<string, number>>): string =>
    Object.entries(record)
      .map(([name, n]) => `${name} ${number(n)}`)
      .join(", ") || "none";
  const broken = new Set(report.fileProblems.map(({ path }) => path));
  const problems = report.fileProblems.map((problem) => `- ${problemText(problem)}`);
  return `# Campaign ${report.campaign}: ${report.state}
${report.reason === undefined ? "" : `\n${report.reason}\n`}
${table([
  ["", "planned", "actual"],
  ["files, whole", number(report.files), number(report.perFile.filter(({ path }) => !broken.has(path)).length)],
  ["bytes", planned ? number(planned.bytes) : "", number(report.bytes)],
  ["lines", planned ? number(planned.lines) : "", number(lines.read)],
  ["documents", planned ? number(planned.documents) : "", number(report.documents)],
  ["index size", planned ? mib(planned.indexBytes) : "", mib(report.storeBytes)],
  ["chunks", planned ? number(planned.chunks) : "", number(report.chunks)],
  ["node-hours", planned ? planned.nodeHours.total.toFixed(3) : "", String(report.nodeHours)],
  ["wall time, seconds", planned ? planned.seconds.toFixed(1) : "", String(report.wallSeconds)],
  ["load, seconds", planned ? planned.loadSeconds.toFixed(1) : "", String(report.loadSeconds)],
])}

Read ${number(lines.read)} = written ${number(lines.written)} + duplicate ${number(lines.duplicate)} + dropped ${number(lines.dropped)} + rejected ${number(lines.rejected)}; unparsed (stored) ${number(lines.unparsed)}.

${report.again ? `- revision ${String(report.again.revision)}: ${number(report.again.documents)} documents in ${number(report.again.chunks)} chunks are those of campaign ${report.again.of} (--again ${report.again.mode}); rates and CPU are of what was loaded\n` : ""}- rate while loading: ${number(report.eventsPerSecond)} events/s, ${number(report.bytesPerSecond)} bytes/s
- CPU: parser ${String(report.parserMicrosPerLine)} µs a line (parsing alone ${String(report.parseMicrosPerLine)}), Elasticsearch ${String(report.storeMicrosPerDocument)} µs a document
- cost: ${accountText(report.account)}${report.budget === undefined ? "" : `; budget: ${budgetText(report.budget)}`}
- peak memory: orchestrator ${mib(report.peakBytes.orchestrator)}, parser ${mib(report.peakBytes.parser)}, data node ${mib(report.peakBytes.dataNode)}
- waited in the queue (nine of ten at most): data nodes ${String(report.observed.queueWaitSeconds["es-data"])} s, parsers ${String(report.observed.queueWaitSeconds.parser)} s; booted in ${String(report.observed.bootSeconds["es-data"] ?? "?")} s and ${String(report.observed.bootSeconds.parser ?? "?")} s
- data nodes emptied: ${String(report.observed.moves)}${report.observed.shardBytesPerSecond === undefined ? "" : `, at ${mib(report.observed.shardBytesPerSecond)} a second`}
- loaded again after losses: ${report.reloads.length === 0 ? "nothing" : report.reloads.map((reload) => `${String(reload.shards)} shards of ${reload.nodes.join(", ")}: ${number(reload.chunks)} chunks (${number(reload.documents)} documents) and ${number(reload.attempts)} in work`).join("; ")}
- left by attempts that were not committed, and deleted: ${number(report.leftovers)} documents
- unparsed by kind: ${listOf(report.unparsedBy)}
- dropped by reason: ${listOf(report.droppedBy)}
- rejected by reason: ${listOf(report.rejectedBy)}
- snapshot: ${report.snapshot ? `${report.snapshot.name} in ${report.snapshot.repository}, ${report.snapshot.verified ? "verified by restoring each index" : "not verified"}` : "none"}
- Merkle roots: ${
    report.manifest
      ? `${Object.entries(report.manifest.roots)
          .map(([month, root]) => `${month} ${root}`)
          .join(", ")}; see ${report.manifest.file}`
      : "none"
  }

${report.parsing ? parsingText(report.parsing, table) : ""}
## Phases

${table([["phase", "seconds"], ...Object.entries(report.phases).map(([name, seconds]) => [name, String(seconds)])])}

## Jobs

${table([["job", "id", "role", "host", "exit", "waited, seconds", "ran, seconds", "CPU used of reserved", "replaces"], ...report.jobs.map((job) => [job.name, job.id, job.role, job.address ?? "", String(job.exit ?? ""), String(job.waitSeconds ?? ""), String(job.seconds), job.cpuEfficiency === undefined ? "" : percent(job.cpuEfficiency), job.replaces ?? ""])])}

## Files that could not be loaded whole

${problems.length > 0 ? problems.join("\n") : "None."}

## Warnings

${report.warnings.length > 0 ? report.warnings.map((text) => `- ${text}`).join("\n") : "None."}

## Files

${table([["file", "lines", "documents", "unparsed", "dropped", "rejected", "bytes"], ...report.perFile.map((f) => [f.path, number(f.read), number(f.written + f.duplicate), number(f.unparsed), number(f.dropped), number(f.rejected), number(f.bytes)])])}
`;
}
