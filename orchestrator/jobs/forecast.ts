import { waitedSeconds } from "../accounting.ts";
import { NODE_ROLES, type NodeRole } from "../../worker/contract/keys.ts";
import { walltimeMargins } from "../../worker/contract/walltime.ts";
import { liveJobs, type CampaignView, type JobView } from "../view.ts";
import type { JobPolicy } from "./policy.ts";

/**
 * What the past of a campaign says about its future: how long jobs wait and boot, how long a data node takes to be
 * emptied, and so how early a successor must be submitted. Pure; seconds, but for times, which are epoch milliseconds.
 */

/** Where nothing large was moved yet: a slow network. */
const DEFAULT_BYTES_PER_SECOND = 10 * 2 ** 20;
/** Where nothing was moved yet, and at least: what each shard costs by itself. */
const SECONDS_PER_SHARD = { unmeasured: 1, least: 0.25 };
/** The time of a smaller move is that of its shards, and says nothing of the network. */
const LARGE_MOVE_BYTES = 64 * 2 ** 20;
/** Where no node has booted yet. */
const DEFAULT_BOOT_SECONDS: Readonly<Record<NodeRole, number>> = { "es-data": 60, parser: 15 };
/** So much of its walltime a node works at least before a successor is asked for, however long that takes. */
const LEAST_WORKING_SHARE = 0.2;
/** The margin takes at most this share of a walltime. */
const LARGEST_MARGIN_SHARE = 0.1;

/** The least value that nine of ten are not above; undefined of none. */
export function percentile90(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.9) - 1];
}

const secondsBetween = (from: number, to: number): number => Math.max(0, to - from) / 1000;

/** Nine of ten jobs waited no longer. Who still waits, and longer than that, counts too. */
export function queueWaitSeconds(view: CampaignView, role: NodeRole, now: number): number {
  const jobs = [...view.jobs.values()].filter((job) => job.role === role);
  const over = percentile90(jobs.flatMap((job) => waitedSeconds(job) ?? [])) ?? 0;
  const waiting = jobs.flatMap((job) =>
    job.ended === undefined && job.startedAt === undefined && job.submittedAt !== undefined && !job.cancelled
      ? secondsBetween(job.submittedAt, now)
      : [],
  );
  return Math.max(over, ...waiting);
}

/** From the start of the job to a node that works; undefined before one did. */
function measuredBootSeconds(view: CampaignView, role: NodeRole): number | undefined {
  const boots = [...view.jobs.values()].flatMap((job) =>
    job.role === role && job.startedAt !== undefined && job.upAt !== undefined
      ? secondsBetween(job.startedAt, job.upAt)
      : [],
  );
  return percentile90(boots);
}

/** From the start of the job to a node that works. */
export function bootSeconds(view: CampaignView, role: NodeRole): number {
  return measuredBootSeconds(view, role) ?? DEFAULT_BOOT_SECONDS[role];
}

/**
 * How long it takes to empty a data node of so much: the bytes at the slowest rate of a large move so far, and for each shard what
 * the moves took beyond that.
 */
export function moveSeconds(view: CampaignView, load: { readonly shards: number; readonly bytes: number }): number {
  const moves = view.moves.filter((move) => move.seconds > 0 && move.shards > 0);
  const rates = moves.filter((move) => move.bytes >= LARGE_MOVE_BYTES).map((move) => move.bytes / move.seconds);
  const rate = rates.length === 0 ? DEFAULT_BYTES_PER_SECOND : Math.min(...rates);
  const beyond = moves.map((move) => (move.seconds - move.bytes / rate) / move.shards);
  const perShard = moves.length === 0 ? SECONDS_PER_SHARD.unmeasured : Math.max(SECONDS_PER_SHARD.least, ...beyond);
  return load.shards * perShard + load.bytes / rate;
}

/** When the batch system ends the job; undefined before it runs. */
export function walltimeEnd(job: JobView, policy: JobPolicy): number | undefined {
  return job.startedAt === undefined ? undefined : job.startedAt + policy.walltimeSeconds[job.role] * 1000;
}

/** Until when the node works: a parser takes chunks, a data node holds shards. Undefined before its job runs. */
export function worksUntil(job: JobView, policy: JobPolicy): number | undefined {
  const end = walltimeEnd(job, policy);
  if (end === undefined) return undefined;
  const { drain, stop } = walltimeMargins(policy.walltimeSeconds[job.role]);
  return end - (job.role === "parser" ? drain : stop) * 1000;
}

export function marginSeconds(role: NodeRole, policy: JobPolicy): number {
  return Math.min(policy.marginSeconds, policy.walltimeSeconds[role] * LARGEST_MARGIN_SHARE);
}

/** How long before the end of a node's work its successor should be submitted. `load` is what a data node holds. */
export function wantedLeadSeconds(
  view: CampaignView,
  role: NodeRole,
  policy: JobPolicy,
  now: number,
  load: { readonly shards: number; readonly bytes: number },
): number {
  return (
    queueWaitSeconds(view, role, now) +
    bootSeconds(view, role) +
    (role === "es-data" ? moveSeconds(view, load) : 0) +
    marginSeconds(role, policy)
  );
}

/** The longest lead there can be: a walltime that is too short for more would only be spent on replacements. */
export function longestLeadSeconds(role: NodeRole, policy: JobPolicy): number {
  return policy.walltimeSeconds[role] * (1 - LEAST_WORKING_SHARE);
}

/** How long before the end of a node's work its successor is submitted. */
export function leadSeconds(...inputs: Parameters<typeof wantedLeadSeconds>): number {
  const [, role, policy] = inputs;
  return Math.min(wantedLeadSeconds(...inputs), longestLeadSeconds(role, policy));
}

/** What was observed so far, for people. */
export interface Observed {
  readonly queueWaitSeconds: Readonly<Record<NodeRole, number>>;
  /** Of roles of which a node has booted. */
  readonly bootSeconds: Readonly<Partial<Record<NodeRole, number>>>;
  /** Of all moves together; absent before the first. */
  readonly shardBytesPerSecond?: number;
  readonly moves: number;
}

export function observed(view: CampaignView, now: number): Observed {
  const moves = view.moves.filter((move) => move.seconds > 0);
  const seconds = moves.reduce((sum, move) => sum + move.seconds, 0);
  const round = (figure: number): number => Math.round(figure * 10) / 10;
  const boots = NODE_ROLES.flatMap((role) => {
    const boot = measuredBootSeconds(view, role);
    return boot === undefined ? [] : [[role, round(boot)] as const];
  });
  return {
    queueWaitSeconds: {
      "es-data": round(queueWaitSeconds(view, "es-data", now)),
      parser: round(queueWaitSeconds(view, "parser", now)),
    },
    bootSeconds: Object.fromEntries(boots),
    ...(seconds > 0
      ? { shardBytesPerSecond: Math.round(moves.reduce((sum, move) => sum + move.bytes, 0) / seconds) }
      : {}),
    moves: view.moves.length,
  };
}

/** The place that a job fills, named by its first holder. */
export function slotOf(view: CampaignView, job: JobView): string {
  let first = job;
  for (;;) {
    const before = first.replaces === undefined ? undefined : view.jobs.get(first.replaces);
    // A job replaces an earlier one; a journal that says otherwise must not make this endless.
    if (!before || before.intentAt >= first.intentAt) return first.name;
    first = before;
  }
}

/** Live jobs that hold a place: neither on their way out nor dead. */
export function stayingJobs(view: CampaignView, role: NodeRole): JobView[] {
  return liveJobs(view, role).filter((job) => !isGoing(job));
}

/** Whether the job is on its way out, by whatever road. */
export function isGoing(job: JobView): boolean {
  return job.leaving !== undefined || job.draining || job.cancelled || job.lost !== undefined;
}
