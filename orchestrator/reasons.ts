import type { NodeRole } from "../worker/contract/keys.ts";
import { waitedSeconds } from "./accounting.ts";
import { whyNotScaled, type ScaleInputs } from "./autoscale.ts";
import { budgetOf, budgetText } from "./budget.ts";
import { formatDuration } from "./cli/io.ts";
import { breakerStep } from "./jobs/breaker.ts";
import { quarantinedHosts } from "./jobs/failures.ts";
import { longestLeadSeconds, stayingJobs, wantedLeadSeconds, worksUntil } from "./jobs/forecast.ts";
import type { JobPolicy } from "./jobs/policy.ts";
import { isDue, submissionsLeft, targetOf, type Sight } from "./jobs/steer.ts";
import { rolesOf } from "./jobs/world.ts";
import type { JobProgress } from "./progress.ts";
import { reloadStep, reloadText } from "./loss/record.ts";
import { median } from "./median.ts";
import { FINISH_STEPS, liveJobs, openReload, type CampaignView, type JobView } from "./view.ts";

/** Why something does not go on, or goes on slowly: a sentence, and what a program needs to tell one from another. */
export interface Reason {
  readonly kind:
    | "no-orchestrator"
    | "silent-orchestrator"
    | "state"
    | "budget"
    | "missing"
    | "breaker-open"
    | "quarantine"
    | "submission-limit"
    | "unanswered"
    | "in-queue"
    | "starting"
    | "successor-awaited"
    | "shards-moving"
    | "walltime-short"
    | "scale"
    | "node-lost"
    | "reloading"
    | "store"
    | "ending"
    | "staging-full"
    | "rate-limit"
    | "retries"
    | "failed-chunks"
    | "moving"
    | "unknown";
  readonly text: string;
  /** Epoch milliseconds since when. */
  readonly since?: number;
  readonly role?: NodeRole;
  readonly job?: string;
}

export interface ReasonInputs {
  /** The campaign's, for the commands that are recommended. */
  readonly id: string;
  readonly view: CampaignView;
  readonly policy: JobPolicy;
  readonly now: number;
  /** What was seen last of each job, by its name. */
  readonly seen?: Readonly<Record<string, JobProgress>>;
  /** What each data node holds, by job name, as far as it is known. */
  readonly holdings?: Readonly<Record<string, { readonly shards: number; readonly bytes: number }>>;
  /** What scaling goes by; absent before anything was measured. */
  readonly scale?: ScaleInputs;
}

const ROLE_NAMES: Readonly<Record<NodeRole, string>> = { "es-data": "data nodes", parser: "parsers" };

/** Why nothing is submitted, scaled, replaced or moving just now; nothing when all is as it should be. Pure. */
export function reasons(inputs: ReasonInputs): readonly Reason[] {
  const { id, view, now } = inputs;
  const found: Reason[] = [...stateReasons(id, view), ...reloadReasons(view), ...budgetReasons(inputs)];
  for (const role of rolesOf(view.state)) found.push(...roleReasons(inputs, role));
  for (const host of quarantinedHosts(view, now)) {
    const entry = view.quarantine.get(host);
    found.push({
      kind: "quarantine",
      text: `no jobs go to ${host} until ${timeText(entry?.until ?? now)}: ${entry?.reason ?? ""}`,
      ...(entry ? { since: entry.at } : {}),
    });
  }
  const scaled = inputs.scale && view.state === "running" ? whyNotScaled(inputs.scale) : undefined;
  if (scaled !== undefined) found.push({ kind: "scale", text: scaled });
  return found;
}

function stateReasons(id: string, view: CampaignView): readonly Reason[] {
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
    case "restoring":
      return say(`its nodes work; the saved month is being restored${at}`);
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

/** While what went with a data node is not in the spool again, no chunk is taken. */
function reloadReasons(view: CampaignView): readonly Reason[] {
  const reload = openReload(view);
  if (!reload) return [];
  const steps = [...view.steps.keys()].filter((name) => name.startsWith(reloadStep(view.reloads.length, "")));
  return [{ kind: "reloading", text: `${reloadText(reload)}${stepText(view, steps)}`, since: reload.at }];
}

/** The step that is under way. */
function stepText(view: CampaignView, names: readonly string[]): string {
  const step = [...view.steps.values()].findLast(({ name, doneAt }) => names.includes(name) && doneAt === undefined);
  return step ? `: ${step.name} since ${timeText(step.startedAt)}` : "";
}

function budgetReasons({ id, view, policy, now }: ReasonInputs): readonly Reason[] {
  const budget = budgetOf(policy.cost, view, now);
  if (budget?.reached !== true || rolesOf(view.state).length === 0) return [];
  return [
    {
      kind: "budget",
      ...(view.budgetReachedAt === undefined ? {} : { since: view.budgetReachedAt }),
      text: `the budget is spent, ${budgetText(budget)}; raise it with \`gridharvest budget ${id} --node-hours N\``,
    },
  ];
}

function roleReasons(inputs: ReasonInputs, role: NodeRole): readonly Reason[] {
  const { view, policy, now, holdings = {}, seen = {} } = inputs;
  const found: Reason[] = [];
  const since = (at: number): string => `since ${timeText(at)} (${formatDuration(Math.max(0, now - at) / 1000)})`;
  const say = (kind: Reason["kind"], text: string, job?: JobView, at?: number): void => {
    found.push({ kind, text, role, ...(job ? { job: job.name } : {}), ...(at === undefined ? {} : { since: at }) });
  };
  const store = { nodes: new Map(Object.entries(holdings)), excluded: new Set<string>(), primariesAssigned: true };
  const sight: Sight = { now, roles: [role], store };
  const staying = stayingJobs(view, role);
  const due = staying.filter((job) => isDue(view, policy, job, sight));
  const missing = targetOf(view, role) - (staying.length - due.length);

  const breaker = view.breakers.get(role);
  if (breaker) {
    const step = breakerStep(view, policy, role, now).kind;
    const next =
      now < breaker.probeAt
        ? `one job is tried at ${timeText(breaker.probeAt)}`
        : step === "wait"
          ? "one job is being tried"
          : "one job is about to be tried";
    say(
      "breaker-open",
      `no ${ROLE_NAMES[role]} are submitted: ${breaker.reason}; ${next}`,
      undefined,
      breaker.openedAt,
    );
  } else if (
    missing > 0 &&
    budgetOf(policy.cost, view, now)?.reached !== true &&
    submissionsLeft(view, policy, now) === 0
  ) {
    say(
      "submission-limit",
      `${String(missing)} ${ROLE_NAMES[role]} are missing, and the limit of ${String(policy.submissionsPerMinute)} submissions a minute is reached (batch.submissionsPerMinute)`,
    );
  } else if (targetOf(view, role) > staying.length) {
    const target = targetOf(view, role);
    say(
      "missing",
      `${String(target - staying.length)} of ${String(target)} ${ROLE_NAMES[role]} are missing${lastFailure(view, role)}`,
    );
  }
  const waitsFor = (job: JobView, progress: JobProgress | undefined): void => {
    const label = `${job.name} (${job.jobId ?? ""})`;
    const host = job.hosts[0] === undefined ? "" : ` on ${job.hosts[0]}`;
    const queuedAt = job.queuedAt ?? job.submittedAt ?? job.intentAt;
    if (job.startedAt === undefined && job.certifiedAt === undefined) {
      const where = progress?.batch === "held" ? "is held in the queue" : "waits in the queue";
      const comment = progress?.comment === undefined ? "" : `; the batch system says: ${progress.comment}`;
      say("in-queue", `${label} ${where} ${since(queuedAt)}${othersText(view, role)}${comment}`, job, queuedAt);
    } else if (progress?.problem !== undefined) say("store", `${job.name} waits: ${progress.problem}`, job);
    else if (job.certifiedAt === undefined && job.startedAt !== undefined) {
      say(
        "starting",
        `${label} runs${host} ${since(job.startedAt)} and its agent has not joined yet`,
        job,
        job.startedAt,
      );
    } else if (job.upAt === undefined) {
      const says = progress?.agent === undefined || progress.agent === "running" ? "" : `, it is ${progress.agent}`;
      say("starting", `the node of ${label}${host} does not work yet${says}`, job, job.certifiedAt);
    }
  };
  for (const job of liveJobs(view, role)) {
    const held = holdings[job.name];
    if (job.lost)
      say("node-lost", `the node of ${job.name} is lost (${job.lost.how}); its job is being deleted`, job, job.lost.at);
    else if (job.cancelled)
      say("ending", `${job.name} is being deleted: ${job.cancelReason ?? ""}`, job, job.cancelledAt);
    else if (job.draining) say("ending", `${job.name} finishes what it has and ends`, job, job.drainingAt);
    else if (job.releasedAt !== undefined) say("ending", `${job.name} is empty and ends`, job, job.releasedAt);
    else if (job.leaving) {
      const left = held
        ? `${String(held.shards)} of ${String(job.leaving.shards)} shards are still there`
        : "its shards are moving";
      say("shards-moving", `${job.name} leaves (${job.leaving.reason}): ${left}`, job, job.leaving.at);
    } else if (job.jobId === undefined) {
      const why = job.unanswered ?? "its submission was cut short";
      say(
        "unanswered",
        `whether ${job.name} was submitted is not known ${since(job.intentAt)}: ${why}; it is looked up by its name`,
        job,
        job.intentAt,
      );
    } else waitsFor(job, seen[job.name]);
  }
  for (const job of due) {
    const until = worksUntil(job, policy) ?? now;
    const successor = staying.find((other) => other.replaces === job.name);
    const waits = successor
      ? `its successor ${successor.name} does not work yet`
      : "its successor is not submitted yet";
    if (successor?.upAt === undefined) {
      say("successor-awaited", `${job.name} works until ${timeText(until)}, and ${waits}`, job);
    }
  }
  const short = staying.find((job) => {
    const wanted = wantedLeadSeconds(view, role, policy, now, holdings[job.name] ?? { shards: 0, bytes: 0 });
    return wanted > longestLeadSeconds(role, policy);
  });
  if (short) {
    say(
      "walltime-short",
      `the walltime of the ${ROLE_NAMES[role]} (${String(policy.walltimeSeconds[role])} s) is short for what it takes to replace one: waiting in the queue, booting${role === "es-data" ? ", moving its shards" : ""} and the margin; ask for more`,
    );
  }
  return found;
}

/** How long others of the role waited. */
function othersText(view: CampaignView, role: NodeRole): string {
  const waits = [...view.jobs.values()]
    .flatMap((job) => (job.role === role ? (waitedSeconds(job) ?? []) : []))
    .sort((a, b) => a - b);
  if (waits.length === 0) return "";
  return `; others waited ${formatDuration(median(waits))} (median), at most ${formatDuration(waits.at(-1) ?? 0)}`;
}

function lastFailure(view: CampaignView, role: NodeRole): string {
  const failed = [...view.jobs.values()].findLast((job) => job.role === role && job.ended && job.ended.exit !== 0);
  if (!failed) return "";
  const how = failed.refused ?? `exit status ${String(failed.ended?.exit ?? "unknown")}`;
  return `; the last one that failed is ${failed.name} (${how})`;
}

/** To the second. */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}
