import { NODE_ROLES } from "../worker/contract/keys.ts";
import type { ExitCode, Io } from "./cli/command.ts";
import { formatBytes, formatCount, formatDuration, printable } from "./cli/io.ts";
import type { Access } from "./access.ts";
import { accountText } from "./accounting.ts";
import { budgetText } from "./budget.ts";
import { isFinal } from "./campaign.ts";
import { loadCampaign } from "./campaign-store.ts";
import { limitsText, NO_LIMITS } from "./limits.ts";
import { ALIVE_MS } from "./ownership.ts";
import { problemText } from "./file-problems.ts";
import type { Report } from "./report.ts";
import { campaignStatus, exitCodeOf, readReport, type CampaignStatus } from "./status.ts";
import { STAGES } from "./tuning/stage.ts";
import { inFlightText } from "./tuning/tune.ts";

/** A campaign without an orchestrator for this long is told to be so: a new one may have to wait out the last one's sign of life. */
const GONE_MS = ALIVE_MS + 5_000;
const LOOK_MS = 500;
/** How often a line is printed when nobody looks at a terminal. */
const LINE_MS = 5_000;

/**
 * Shows a campaign until it has ended, serves, is held, or has lost its orchestrator: a bar that is rewritten on a
 * terminal, lines elsewhere. Ending the watching changes nothing for the campaign.
 * @returns the last status
 */
export async function watchCampaign(
  stateDir: string,
  id: string,
  io: Io,
  signal: AbortSignal,
): Promise<CampaignStatus> {
  let printed = "";
  let printedAt = 0;
  let aliveAt = Date.now();
  for (;;) {
    signal.throwIfAborted();
    const status = await campaignStatus(stateDir, id);
    if (status.orchestrator.alive || isFinal(status.state)) aliveAt = Date.now();
    const key = `${status.state} ${String(status.chunks.done)} ${String(status.chunks.total)} ${String(status.indices?.ready)} ${status.jobs.map((job) => job.state).join()}`;
    if (io.isTTY && !io.json) {
      const line = progressLine(status);
      io.stdout.write(`\r\u001b[2K${line.slice(0, terminalWidth(io) - 1)}`);
    } else if (key !== printed && (Date.now() - printedAt > LINE_MS || !printed.startsWith(`${status.state} `))) {
      printed = key;
      printedAt = Date.now();
      if (io.json) io.log.info(progressLine(status));
      else io.stdout.write(`${new Date().toISOString().slice(11, 19)} ${progressLine(status)}\n`);
    }
    const gone = Date.now() - aliveAt > GONE_MS;
    if (isFinal(status.state) || status.state === "serving" || status.state === "held" || gone) {
      if (io.isTTY && !io.json) io.stdout.write("\n");
      return status;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function terminalWidth(io: Io): number {
  return (io.stdout as { columns?: number }).columns ?? 100;
}

/** One line: state, jobs, bar, chunks, rate, time left, rejects. */
export function progressLine(status: CampaignStatus): string {
  const { chunks } = status;
  const live = status.jobs.filter((job) => job.state !== "ended");
  const running = live.filter((job) => job.state === "running").length;
  const parts = [`${status.state.padEnd(12)} jobs ${String(running)}/${String(live.length)}`];
  if (chunks.total > 0) {
    const filled = Math.round(status.share * 24);
    parts.push(`[${"█".repeat(filled)}${"░".repeat(24 - filled)}] ${(status.share * 100).toFixed(0).padStart(3)} %`);
    parts.push(
      `chunks ${String(chunks.done)}/${String(chunks.total)}${chunks.toUnpack > 0 ? `+ (${String(chunks.toUnpack)} to unpack)` : ""}`,
    );
    parts.push(`${formatCount(status.lines.read)} lines`);
  }
  if (status.state === "running") {
    parts.push(`${formatCount(status.eventsPerSecond)} events/s`);
    if (status.etaSeconds !== undefined) parts.push(`${formatDuration(status.etaSeconds)} left`);
    if (status.limiting) parts.push(`limited by ${status.limiting.stage}`);
  }
  const { indices, servingUntil } = status;
  if (indices) parts.push(`${String(indices.ready)}/${String(indices.total)} indices`);
  if (servingUntil !== undefined) parts.push(`serves until ${servingUntil}`);
  if (status.lines.rejected > 0) parts.push(`${formatCount(status.lines.rejected)} rejected`);
  const problem = live.find((job) => job.problem !== undefined);
  if (problem) parts.push(`${problem.name} waits: ${problem.problem ?? ""}`);
  return parts.join("  ");
}

/** `process 17`, and where when that is not here. */
export function processText({ pid, host }: CampaignStatus["orchestrator"]): string {
  return `process ${String(pid)}${host === undefined ? "" : ` on ${host}`}`;
}

function loadLines(status: CampaignStatus): string[] {
  const { lines, chunks } = status;
  return [
    `chunks     ${formatCount(chunks.done)} done, ${formatCount(chunks.active)} active, ${formatCount(chunks.waiting)} waiting, ${formatCount(chunks.failed)} failed of ${formatCount(chunks.total)}${chunks.toUnpack > 0 ? `; ${String(chunks.toUnpack)} compressed files to unpack` : ""}`,
    `lines      read ${formatCount(lines.read)} = written ${formatCount(lines.written)} + duplicate ${formatCount(lines.duplicate)} + dropped ${formatCount(lines.dropped)} + rejected ${formatCount(lines.rejected)}; unparsed ${formatCount(lines.unparsed)}`,
    ...(status.uncommittedAttempts === undefined || status.uncommittedAttempts === 0
      ? []
      : [
          `attempts   ${formatCount(status.uncommittedAttempts)} were not committed; what they wrote is deleted when the load ends`,
        ]),
    ...(status.parsing === undefined ? [] : [`parsing    ${status.parsing}`]),
    `progress   ${(status.share * 100).toFixed(1)} %, ${formatBytes(status.bytes)}, ${formatCount(status.eventsPerSecond)} events/s${status.etaSeconds === undefined ? "" : `, ${formatDuration(status.etaSeconds)} left`}`,
  ];
}

/** The one screen of `status`. */
export function statusText(status: CampaignStatus): string {
  const out = [
    `campaign   ${status.id}  (${status.months.join(", ")}, created ${status.createdAt})`,
    `state      ${status.state}${status.reason === undefined ? "" : `: ${status.reason}`}`,
    `owner      ${status.orchestrator.alive ? `orchestrator, ${processText(status.orchestrator)}` : "no orchestrator is alive"}`,
  ];
  if (status.serves === undefined) out.push(...loadLines(status));
  if (status.snapshot)
    out.push(`snapshot   ${status.snapshot.name}, ${status.snapshot.verified ? "verified" : "not verified"}`);
  out.push(`cost       ${accountText(status.account)}`);
  if (status.budget) out.push(`budget     ${budgetText(status.budget)}`);
  for (const job of status.jobs) {
    out.push(
      `job        ${job.name}  ${job.id}  ${job.role}  ${job.state}${job.host === undefined ? "" : ` on ${job.host}`}${job.exit === undefined ? "" : `, exit ${String(job.exit ?? "unknown")}`}${job.problem === undefined ? "" : `, waits: ${job.problem}`}`,
    );
    for (const text of job.lastWords ?? []) out.push(`           | ${printable(text)}`);
  }
  if (status.state === "running" || status.state === "paused") {
    const text = limitsText(status.limits);
    if (text !== NO_LIMITS) out.push(`limits     ${text}`);
  }
  if (status.limiting) out.push(`limited    by ${limitText(status.limiting)}`);
  if (status.tuning) out.push(`tuning     ${tuningText(status.tuning)}`);
  for (const { kind, text } of status.reasons) if (kind !== "state") out.push(`waits      ${text}`);
  const { observed } = status;
  const habits = NODE_ROLES.map((role) => {
    const boot = observed.bootSeconds[role];
    return `${role}: queue ${formatDuration(observed.queueWaitSeconds[role])}${boot === undefined ? "" : `, boot ${formatDuration(boot)}`}`;
  });
  if (observed.shardBytesPerSecond !== undefined) {
    habits.push(`shards move at ${formatBytes(observed.shardBytesPerSecond)}/s`);
  }
  out.push(`observed   ${habits.join("; ")}`);
  const phases = Object.entries(status.phases).filter(([name]) => !name.includes(":"));
  if (phases.length > 0)
    out.push(`seconds    ${phases.map(([name, seconds]) => `${name} ${String(seconds)}`).join(", ")}`);
  if (status.servingUntil !== undefined) out.push(`serving    ${servingText(status)}`);
  if (status.elasticsearch) out.push(`search     ${searchLine(status.elasticsearch)}`);
  if (status.servingUntil !== undefined) out.push(`end it     gridharvest teardown ${status.id}`);
  for (const warning of status.warnings.slice(-5)) out.push(`warning    ${warning}`);
  out.push(`files      ${status.files.dir}`);
  return `${out.join("\n")}\n`;
}

/** The stage that holds the load up, the figures that show it, what to do, and how busy the others are. */
function limitText({ stage, why, busy, remedy }: NonNullable<CampaignStatus["limiting"]>): string {
  const others = STAGES.filter((other) => other !== stage && busy[other] >= 0.005)
    .map((other) => `${other} ${(busy[other] * 100).toFixed(0)} %`)
    .join(", ");
  return `${stage}: ${why}; ${remedy}${others === "" ? "" : ` (${others})`}`;
}

function tuningText({ mode, reason, since, ...budgets }: NonNullable<CampaignStatus["tuning"]>): string {
  const last = reason === undefined ? "" : `; last ${since ?? ""}: ${reason}`;
  return `${inFlightText(budgets)} (tuning.mode: ${mode})${last}`;
}

/** Until when a campaign serves, and what that costs. */
export function servingText(status: CampaignStatus): string {
  if (status.servingUntil === undefined) return "";
  const left = Math.max(0, (Date.parse(status.servingUntil) - Date.now()) / 1000);
  const of = status.serves === undefined ? "" : `${formatCount(status.documents)} documents of ${status.serves} `;
  return `${of}until ${status.servingUntil} (${formatDuration(left)} left); each hour costs ${formatCount(status.nodeHoursPerHour ?? 0)} node-hours, and the gateway's host`;
}

/** A search that works when it is pasted. */
function searchLine({ url, curlConfig }: Access): string {
  return `curl -K '${curlConfig}' '${url}/_search?q=program:sshd'`;
}

/** Watches to the end and says it in the exit code of a command: 0, 1 or 3. */
export async function watchToTheEnd(
  stateDir: string,
  id: string,
  io: Io,
  signal: AbortSignal,
): Promise<{ status: CampaignStatus; exitCode: ExitCode }> {
  const status = await watchCampaign(stateDir, id, io, signal);
  const { paths } = await loadCampaign(stateDir, id);
  const report = await readReport(paths.reportJson);
  // Who waits for a result reads it; what somebody has to do is said on stderr, where programs look for trouble too.
  if (isFinal(status.state) || status.state === "serving") {
    if (!io.json) io.stdout.write(endText(status, report));
  } else if (status.state === "held") {
    io.stderr.write(
      `gridharvest: campaign ${id} is held: ${status.reason ?? ""}\n  look at it, then: ${status.serves === undefined ? `gridharvest resume ${id} | ` : "gridharvest "}verify ${id} | teardown ${id}\n`,
    );
  } else {
    io.stderr.write(
      `gridharvest: the orchestrator of ${id} is gone; take the campaign over with: gridharvest adopt ${id}\n  its log: ${status.files.log}\n`,
    );
  }
  return { status, exitCode: exitCodeOf(status, report) };
}

/** A few lines on how it ended, or what it serves. */
export function endText(status: CampaignStatus, report: Report | undefined): string {
  const { lines } = status;
  const out = [`campaign ${status.id}: ${status.state}${status.reason === undefined ? "" : ` (${status.reason})`}`];
  if (status.serves === undefined)
    out.push(
      `  ${formatCount(lines.read)} lines read, ${formatCount(status.documents)} documents, ${formatCount(lines.unparsed)} unparsed (stored), ${formatCount(lines.dropped)} dropped, ${formatCount(lines.rejected)} rejected`,
    );
  for (const problem of report?.fileProblems ?? []) out.push(`  ${problemText(problem)}`);
  if (status.snapshot)
    out.push(`  snapshot ${status.snapshot.name}, ${status.snapshot.verified ? "verified" : "NOT verified"}`);
  if (status.servingUntil !== undefined) out.push(`  serves ${servingText(status)}`);
  if (status.elasticsearch) out.push(`  search it: ${searchLine(status.elasticsearch)}`);
  if (status.servingUntil !== undefined) out.push(`  end it: gridharvest teardown ${status.id}`);
  if (status.files.report !== undefined) out.push(`  report ${status.files.report}`);
  return `${out.join("\n")}\n`;
}
