import type { NodeRole } from "../worker/contract/keys.ts";
import { formatDuration } from "./cli/io.ts";
import type { Config } from "./config-schema.ts";
import { median } from "./median.ts";
import { resourcesOf } from "./node-specs.ts";

/**
 * What the jobs of a campaign cost. A job is one node, so its node-hours are the hours that it ran, whatever it did meanwhile; waiting
 * in the queue costs nobody anything. Pure; times are epoch milliseconds.
 */

/** What is known of a job's time. */
export interface JobTimes {
  readonly role: NodeRole;
  readonly submittedAt?: number;
  /** As the batch system tells it. */
  readonly queuedAt?: number;
  readonly startedAt?: number;
  /** Its agent's first word: the start of a job whose batch system did not tell. */
  readonly certifiedAt?: number;
  readonly ended?: { readonly at: number };
  /** Lives under the same id before a requeue. */
  readonly pastLives?: readonly { readonly startedAt?: number; readonly endedAt: number }[];
}

/** What one job cost. */
export interface JobAccount {
  /** In the queue; absent until it started. */
  readonly waitSeconds?: number;
  /** From its start to its end, or until now. */
  readonly runSeconds: number;
  readonly cpus: number;
  /** That its processes used, as far as its agent told. */
  readonly cpuSeconds: number;
  /** CPU seconds used of those reserved, 0 to 1; absent of a job that never ran. */
  readonly cpuEfficiency?: number;
}

/** What a campaign cost so far. */
export interface CampaignAccount {
  readonly nodeHours: number;
  readonly coreHours: number;
  /** CPU seconds used of those reserved, 0 to 1; absent before a job ran. */
  readonly cpuEfficiency?: number;
  /** Of the jobs that started; absent before one did. */
  readonly queueWaitSeconds?: { readonly median: number; readonly longest: number };
}

type Resources = Pick<Config, "dataNodes" | "parsers">;

/** How long the job waited in the queue; undefined until it started. */
export function waitedSeconds(job: JobTimes): number | undefined {
  const from = job.queuedAt ?? job.submittedAt;
  const to = job.startedAt ?? job.certifiedAt;
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from) / 1000;
}

/**
 * How long the job ran. An end that was noticed late, since no orchestrator was there to see it, is not later than its walltime's; batch systems
 * that count in minutes round that up.
 */
export function runSeconds(job: JobTimes, walltimeSeconds: number, now: number): number {
  const longest = Math.ceil(walltimeSeconds / 60) * 60;
  const lasted = (startedAt: number | undefined, endedAt: number): number => {
    if (startedAt === undefined) return 0;
    // A batch system tells whole seconds, by a clock of its own.
    const from = Math.max(startedAt, job.submittedAt ?? startedAt);
    return Math.min(longest, Math.max(0, endedAt - from) / 1000);
  };
  const past = (job.pastLives ?? []).map((life) => lasted(life.startedAt, life.endedAt));
  return past.reduce((sum, s) => sum + s, lasted(job.startedAt ?? job.certifiedAt, job.ended?.at ?? now));
}

/** @param cpuSeconds that its agent told */
export function accountOfJob(config: Resources, job: JobTimes, cpuSeconds: number, now: number): JobAccount {
  const { cpus, walltime } = resourcesOf(config, job.role);
  const ran = runSeconds(job, walltime, now);
  const wait = waitedSeconds(job);
  return {
    ...(wait === undefined ? {} : { waitSeconds: wait }),
    runSeconds: ran,
    cpus,
    cpuSeconds,
    ...(ran > 0 ? { cpuEfficiency: cpuSeconds / (cpus * ran) } : {}),
  };
}

/** Node-hours spent so far, those of running jobs up to now included. */
export function nodeHoursOf(config: Resources, jobs: Iterable<JobTimes>, now: number): number {
  let seconds = 0;
  for (const job of jobs) seconds += runSeconds(job, resourcesOf(config, job.role).walltime, now);
  return seconds / 3600;
}

/** The sums over all jobs, rounded as people and reports want them. */
export function accountOf(jobs: readonly JobAccount[]): CampaignAccount {
  const sum = (of: (job: JobAccount) => number): number => jobs.reduce((total, job) => total + of(job), 0);
  const reserved = sum(({ cpus, runSeconds }) => cpus * runSeconds);
  const waits = jobs.flatMap(({ waitSeconds }) => waitSeconds ?? []).sort((a, b) => a - b);
  return {
    nodeHours: round(sum((job) => job.runSeconds) / 3600, 3),
    coreHours: round(reserved / 3600, 3),
    ...(reserved > 0 ? { cpuEfficiency: round(sum((job) => job.cpuSeconds) / reserved, 3) } : {}),
    ...(waits.length > 0
      ? { queueWaitSeconds: { median: round(median(waits), 1), longest: round(waits.at(-1) ?? 0, 1) } }
      : {}),
  };
}

const round = (n: number, digits: number): number => Math.round(n * 10 ** digits) / 10 ** digits;

export const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

/** What a campaign cost, in words. */
export function accountText({ nodeHours, coreHours, cpuEfficiency, queueWaitSeconds: wait }: CampaignAccount): string {
  const parts = [`${nodeHours.toFixed(2)} node-hours (${coreHours.toFixed(2)} core-hours)`];
  if (cpuEfficiency !== undefined) parts.push(`CPU used of reserved ${percent(cpuEfficiency)}`);
  if (wait !== undefined) {
    parts.push(`waited in the queue ${formatDuration(wait.median)} (median), at most ${formatDuration(wait.longest)}`);
  }
  return parts.join(", ");
}
