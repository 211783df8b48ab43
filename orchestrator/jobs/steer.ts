import type { NodeRole } from "../../worker/contract/keys.ts";
import { liveJobs, type CampaignView, type JobView } from "../view.ts";
import { budgetOf } from "../budget.ts";
import { breakerStep } from "./breaker.ts";
import { hostsToQuarantine, ON_QUARANTINED_HOST, quarantinedHosts } from "./failures.ts";
import { bootSeconds, leadSeconds, marginSeconds, moveSeconds, stayingJobs, worksUntil } from "./forecast.ts";
import type { JobPolicy } from "./policy.ts";

/**
 * What to do next about the jobs of a campaign. Pure: the journal's view, the clock and what Elasticsearch says go in,
 * actions come out, each of which is written down before it is carried out. Whoever takes the campaign up decides the
 * same from the same journal, so a replacement that was half done is gone on with.
 *
 * A node that will soon have to end is *due*: it does not count any more, so its successor is missing and is submitted. As soon
 * as more nodes work than there shall be, the ones that are due, or that end first, leave. A data node leaves in steps: *excluded*
 * from allocation, *released* when it holds no shard (parsers stop sending to it), *drained*, and *cancelled* if it does not
 * end by itself. Fewer nodes by `scale` is the same with nobody due.
 */
export type Action =
  | { readonly kind: "submit"; readonly role: NodeRole; readonly replaces?: string }
  | {
      readonly kind: "exclude";
      readonly jobName: string;
      readonly reason: string;
      readonly shards: number;
      readonly bytes: number;
    }
  | { readonly kind: "release"; readonly jobName: string }
  | { readonly kind: "drain"; readonly jobName: string; readonly reason: string }
  | { readonly kind: "cancel"; readonly jobName: string; readonly reason: string }
  | { readonly kind: "quarantine"; readonly host: string; readonly until: number; readonly reason: string }
  | {
      readonly kind: "breaker";
      readonly role: NodeRole;
      readonly state: "open" | "closed";
      readonly reason: string;
      readonly probeAt?: number;
    };

/** What Elasticsearch says of its data nodes. */
export interface StoreSight {
  /** Members of the cluster that may hold data, by job name. */
  readonly nodes: ReadonlyMap<string, { readonly shards: number; readonly bytes: number }>;
  /** Names whose shards the cluster moves away: the exclusion in force when the shards were counted. */
  readonly excluded: ReadonlySet<string>;
  /** Whether every index has its primary shards: without, a copy may stand on a node that seems to hold none. */
  readonly primariesAssigned: boolean;
}

export interface Sight {
  readonly now: number;
  /** Absent while Elasticsearch does not answer. */
  readonly store?: StoreSight;
  /** The roles whose jobs are looked after in the campaign's state. */
  readonly roles: readonly NodeRole[];
}

/** Between taking a node's registration away and its drain: parsers read the list every second. */
const WITHDRAWN_MS = 3_000;
/** A data node stops within 20 s, a parser finishes its chunks in the time that it has before its walltime. */
const DRAIN_PATIENCE_MS: Readonly<Record<NodeRole, number>> = { "es-data": 60_000, parser: 180_000 };
const MINUTE_MS = 60_000;
const NOTHING = { shards: 0, bytes: 0 };

export function steer(view: CampaignView, policy: JobPolicy, sight: Sight): readonly Action[] {
  const { now } = sight;
  const actions: Action[] = [];
  const allowance = { left: submissionsLeft(view, policy, now) };
  for (const { host, failures, reason } of hostsToQuarantine(view, policy, now)) {
    const until = now + policy.quarantine.forSeconds * 1000;
    actions.push({
      kind: "quarantine",
      host,
      until,
      reason: `${String(failures)} jobs failed there soon after their start, the last one ${reason}`,
    });
  }
  for (const role of sight.roles) {
    actions.push(...farewells(view, role, sight));
    actions.push(...staffing(view, policy, role, sight, allowance));
  }
  return actions;
}

/** How many jobs may be submitted now: under the limit per minute, and none when the budget is spent. */
export function submissionsLeft(view: CampaignView, policy: JobPolicy, now: number): number {
  if (budgetOf(policy.cost, view, now)?.reached === true) return 0;
  const recent = [...view.jobs.values()].filter((job) => job.intentAt > now - MINUTE_MS).length;
  return Math.max(0, policy.submissionsPerMinute - recent);
}

/** The next steps of the jobs that are on their way out. */
function farewells(view: CampaignView, role: NodeRole, { now, store }: Sight): readonly Action[] {
  const actions: Action[] = [];
  for (const job of liveJobs(view, role)) {
    const { name } = job;
    if (job.lost) {
      // Its processes may live on behind a cut link.
      actions.push({ kind: "cancel", jobName: name, reason: `the node is lost: ${job.lost.how}` });
    } else if (job.cancelled) {
      actions.push({ kind: "cancel", jobName: name, reason: "it does not end" });
    } else if (job.draining) {
      const patience = DRAIN_PATIENCE_MS[role];
      if (now - (job.drainingAt ?? now) > patience) {
        actions.push({ kind: "cancel", jobName: name, reason: "it did not drain in time" });
      }
    } else if (job.releasedAt !== undefined) {
      if (now - job.releasedAt >= WITHDRAWN_MS) {
        actions.push({ kind: "drain", jobName: name, reason: job.leaving?.reason ?? "released" });
      }
    } else if (job.leaving) {
      const empty = store?.nodes.get(name)?.shards === 0;
      if (empty && store.excluded.has(name) && store.primariesAssigned)
        actions.push({ kind: "release", jobName: name });
    }
  }
  return actions;
}

/** Who is missing, and who is too many. */
function staffing(
  view: CampaignView,
  policy: JobPolicy,
  role: NodeRole,
  sight: Sight,
  allowance: { left: number },
): readonly Action[] {
  const { now } = sight;
  const actions: Action[] = [];
  const target = targetOf(view, role);
  const bad = new Set(quarantinedHosts(view, now));
  const staying: JobView[] = [];
  for (const job of stayingJobs(view, role)) {
    const host = job.hosts[0];
    // One that has joined works there after all.
    if (job.certifiedAt === undefined && host !== undefined && bad.has(host)) {
      actions.push({ kind: "cancel", jobName: job.name, reason: ON_QUARANTINED_HOST });
    } else staying.push(job);
  }
  const due = new Set(staying.filter((job) => isDue(view, policy, job, sight)));
  const fresh = staying.filter((job) => !due.has(job));
  const working = staying.filter((job) => job.upAt !== undefined && (role === "parser" || isMember(job, sight)));

  // Too many: first those that do not work yet, then those that work.
  const idle = fresh.filter((job) => job.upAt === undefined).sort((a, b) => b.intentAt - a.intentAt);
  for (const job of idle.slice(0, Math.max(0, fresh.length - target))) {
    actions.push(dismiss(job, "it is not needed any more"));
  }
  const leavers = working
    .sort((a, b) => Number(due.has(b)) - Number(due.has(a)) || endOf(a, policy) - endOf(b, policy))
    .slice(0, Math.max(0, working.length - target));
  const others = working.filter((job) => !leavers.includes(job));
  // Its successor is late: better with the others than with nobody.
  const urgent = others.filter((job) => isUrgent(view, policy, job, sight));
  if (urgent.length < others.length) leavers.push(...urgent);
  for (const job of leavers)
    actions.push(leave(job, due.has(job) ? "its walltime is nearly over" : "scaled down", sight));

  actions.push(...submissions(view, policy, role, sight, allowance, target - fresh.length, due));
  return actions;
}

/**
 * Sends away a job whose node does not work yet. A data node that has its certificates may be a member by now and have
 * been given shards: it is excluded, and goes when it has come up empty.
 */
function dismiss(job: JobView, reason: string): Action {
  const mayHoldShards = job.role === "es-data" && job.certifiedAt !== undefined;
  if (mayHoldShards) return { kind: "exclude", jobName: job.name, reason, ...NOTHING };
  return { kind: "cancel", jobName: job.name, reason };
}

function leave(job: JobView, reason: string, sight: Sight): Action {
  if (job.role === "parser") return { kind: "drain", jobName: job.name, reason };
  return { kind: "exclude", jobName: job.name, reason, ...(sight.store?.nodes.get(job.name) ?? NOTHING) };
}

function submissions(
  view: CampaignView,
  policy: JobPolicy,
  role: NodeRole,
  { now }: Sight,
  allowance: { left: number },
  missing: number,
  due: ReadonlySet<JobView>,
): readonly Action[] {
  const step = breakerStep(view, policy, role, now);
  if (step.kind === "open") {
    return [{ kind: "breaker", role, state: "open", reason: step.reason, probeAt: step.probeAt }];
  }
  const actions: Action[] = [];
  if (step.kind === "close") actions.push({ kind: "breaker", role, state: "closed", reason: step.reason });
  if (step.kind === "wait") return actions;
  const count = Math.min(Math.max(0, missing), allowance.left, step.kind === "probe" ? 1 : Infinity);
  allowance.left -= count;
  const open = openPlaces(view, policy, role, due);
  for (let i = 0; i < count; i++) {
    const replaces = open[i];
    actions.push({ kind: "submit", role, ...(replaces === undefined ? {} : { replaces }) });
  }
  return actions;
}

/** Jobs whose place nobody takes yet: those that are due, by their end, then those that ended or left without a successor. */
function openPlaces(
  view: CampaignView,
  policy: JobPolicy,
  role: NodeRole,
  due: ReadonlySet<JobView>,
): readonly string[] {
  const all = [...view.jobs.values()].filter((job) => job.role === role);
  const gone = (job: JobView): boolean => job.ended !== undefined;
  // A successor that ended has given the place back, and hands it on itself.
  const taken = new Set(all.flatMap((job) => job.replaces ?? []));
  return all
    .filter((job) => !taken.has(job.name) && (due.has(job) || gone(job) || job.lost !== undefined))
    .sort((a, b) => Number(due.has(b)) - Number(due.has(a)) || endOf(a, policy) - endOf(b, policy))
    .map((job) => job.name);
}

export function targetOf(view: CampaignView, role: NodeRole): number {
  return role === "es-data" ? view.targets.dataNodes : view.targets.parsers;
}

function isMember(job: JobView, { store }: Sight): boolean {
  return store?.nodes.has(job.name) ?? false;
}

function endOf(job: JobView, policy: JobPolicy): number {
  return worksUntil(job, policy) ?? Number.POSITIVE_INFINITY;
}

/**
 * Whether the job's successor must be submitted. Once that is done, it stays due whatever the forecast says later. A node that does not work
 * yet is waited for, unless there is no time left in which it could: else walltimes that are too short would have successors of
 * successors submitted, all of which boot the slower for it.
 */
export function isDue(view: CampaignView, policy: JobPolicy, job: JobView, { now, store }: Sight): boolean {
  const until = worksUntil(job, policy);
  if (until === undefined) return false;
  if ([...view.jobs.values()].some((other) => other.replaces === job.name)) return true;
  if (job.upAt === undefined) return now >= until - bootSeconds(view, job.role) * 1000;
  const load = store?.nodes.get(job.name) ?? NOTHING;
  return now >= until - leadSeconds(view, job.role, policy, now, load) * 1000;
}

/** Whether its shards must begin to move now, if they shall be away in time. Parsers lose nothing by waiting. */
function isUrgent(view: CampaignView, policy: JobPolicy, job: JobView, { now, store }: Sight): boolean {
  const until = worksUntil(job, policy);
  if (job.role === "parser" || until === undefined) return false;
  const load = store?.nodes.get(job.name) ?? NOTHING;
  return now >= until - (moveSeconds(view, load) + marginSeconds(job.role, policy) / 2) * 1000;
}
