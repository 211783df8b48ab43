import { NODE_ROLES, type NodeRole } from "../../worker/contract/keys.ts";
import { median, queueWaitSeconds } from "../accounting.ts";
import { formatDuration } from "../cli/io.ts";
import type { CampaignState } from "../campaign.ts";
import type { JobProgress } from "../progress.ts";
import { FINISH_STEPS, liveJobs, type CampaignView, type JobView } from "../view.ts";
import { timeText, type Reason } from "./reason.ts";

/** What the journal says of a campaign that does not go on: its state, and each of its jobs. Pure. */

const ROLE_NAMES: Readonly<Record<NodeRole, string>> = { "es-data": "data nodes", parser: "parsers" };
const WANTS_NODES: ReadonlySet<CampaignState> = new Set(["booting", "running", "paused"]);

export function stateReasons(id: string, view: CampaignView): readonly Reason[] {
  const entered = view.states.at(-1)?.at;
  const since = entered === undefined ? {} : { since: entered };
  const say = (text: string): readonly Reason[] => [{ kind: "state", text, ...since }];
  const at = entered === undefined ? "" : ` since ${timeText(entered)}`;
  switch (view.state) {
    case "planned":
      return say("nothing of it has begun yet");
    case "booting":
      return say(`it boots${at}: chunks are taken when its nodes work`);
    case "running":
      return [];
    case "paused":
      return say(`it is paused${at}: parsers take no chunks until \`gridharvest resume ${id}\``);
    case "held":
      return say(
        `it is held${at}: ${view.reason ?? "somebody has to look"}; then \`gridharvest resume\`, \`verify\` or \`teardown ${id}\``,
      );
    case "finishing":
      return say(`everything is loaded; the result is checked and saved${stepText(view, FINISH_STEPS)}`);
    case "serving":
      return say(`everything is loaded and saved; it serves${at}`);
    case "tearing-down":
      return say(`it is torn down${at}${stepText(view, [...view.steps.keys()])}`);
    case "done":
    case "failed":
    case "cancelled":
      return say(`it has ended${at}: ${view.state}${view.reason === undefined ? "" : ` (${view.reason})`}`);
  }
}

/** The step that is under way. */
function stepText(view: CampaignView, names: readonly string[]): string {
  const step = [...view.steps.values()].findLast(({ name, doneAt }) => names.includes(name) && doneAt === undefined);
  return step ? `: ${step.name} since ${timeText(step.startedAt)}` : "";
}

export function jobReasons(
  view: CampaignView,
  seen: Readonly<Record<string, JobProgress>>,
  now: number,
): readonly Reason[] {
  const reasons = liveJobs(view).flatMap((job) => jobReason(view, job, seen[job.name], now) ?? []);
  if (!WANTS_NODES.has(view.state)) return reasons;
  for (const role of NODE_ROLES) {
    const target = role === "es-data" ? view.targets.dataNodes : view.targets.parsers;
    const missing = target - liveJobs(view, role).filter((job) => !job.draining && !job.cancelled).length;
    if (missing <= 0) continue;
    const failed = [...view.jobs.values()].findLast((job) => job.role === role && job.ended && job.ended.exit !== 0);
    const last = failed ? `; the last one that failed is ${failed.name} (${failed.refused ?? exitText(failed)})` : "";
    reasons.push({
      kind: "missing",
      role,
      text: `${String(missing)} of ${String(target)} ${ROLE_NAMES[role]} are missing${last}`,
    });
  }
  return reasons;
}

function exitText({ ended }: JobView): string {
  return `exit status ${String(ended?.exit ?? "unknown")}`;
}

function jobReason(view: CampaignView, job: JobView, seen: JobProgress | undefined, now: number): Reason | undefined {
  const { name, role } = job;
  const about = { role, job: name };
  const since = (at: number): string => `since ${timeText(at)} (${formatDuration(Math.max(0, now - at) / 1000)})`;
  if (job.cancelled) return { kind: "ending", ...about, text: `${name} is being deleted` };
  if (job.draining) return { kind: "ending", ...about, text: `${name} finishes what it has and ends` };
  if (job.jobId === undefined) {
    const text = `whether ${name} was submitted is not known ${since(job.intentAt)}: it is looked up by its name`;
    return { kind: "unanswered", ...about, since: job.intentAt, text };
  }
  const label = `${name} (${job.jobId})`;
  const queuedAt = job.queuedAt ?? job.submittedAt ?? job.intentAt;
  if (job.startedAt === undefined && job.certifiedAt === undefined) {
    const where = seen?.batch === "held" ? "is held in the queue" : "waits in the queue";
    const comment = seen?.comment === undefined ? "" : `; the batch system says: ${seen.comment}`;
    const text = `${label} ${where} ${since(queuedAt)}${othersText(view, role)}${comment}`;
    return { kind: "in-queue", ...about, since: queuedAt, text };
  }
  if (seen?.problem !== undefined) return { kind: "store", ...about, text: `${name} waits: ${seen.problem}` };
  if (seen?.agent !== undefined && seen.agent !== "running") {
    return { kind: "starting", ...about, text: `the node of ${label} is ${seen.agent}` };
  }
  if (job.certifiedAt === undefined && job.startedAt !== undefined) {
    const text = `${label} runs ${since(job.startedAt)} and its agent has not joined yet`;
    return { kind: "starting", ...about, since: job.startedAt, text };
  }
  return undefined;
}

/** How long others of the role waited. */
function othersText(view: CampaignView, role: NodeRole): string {
  const waits = [...view.jobs.values()]
    .flatMap((job) => (job.role === role ? (queueWaitSeconds(job) ?? []) : []))
    .sort((a, b) => a - b);
  if (waits.length === 0) return "";
  return `; others waited ${formatDuration(median(waits))} (median), at most ${formatDuration(waits.at(-1) ?? 0)}`;
}
