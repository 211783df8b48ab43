import type { JobStatus } from "../pbs/batch-system.ts";
import { describeError, GridError } from "../worker/contract/errors.ts";
import { NODE_ROLES, type NodeRole } from "../worker/contract/keys.ts";
import type { Heartbeat, NodeRegistration } from "../worker/contract/node.ts";
import type { CampaignState } from "./campaign.ts";
import { decide, type CampaignContext } from "./context.ts";
import { createAgents, type JobUsage } from "./jobs/agents.ts";
import { createJobFiles } from "./jobs/files.ts";
import { createJoins } from "./jobs/joins.ts";
import { createSubmissions } from "./jobs/submit.ts";
import { jobNameOf, jobNumber, type NodeInputs } from "./node-specs.ts";
import { liveJobs, type CampaignView, type JobView } from "./view.ts";

/**
 * Node groups: so many jobs of each role. This part submits what is missing, drains what is too much, certifies the
 * agents that report, and finds out what became of each job. The truth about a job is put together from qstat, the
 * exit-status file that the job writes itself, and the agent's heartbeat.
 */
export interface NodeGroups {
  /** Submits and drains until the journal's targets are met. Jobs that an earlier orchestrator asked for are looked up first. */
  reconcile(): Promise<void>;
  /** Looks at all live jobs once; ended ones go to the journal. */
  poll(): Promise<void>;
  /** Answers the agents that ask for certificates. */
  serveJoins(): Promise<void>;
  /** Asks the jobs to drain through Redis. */
  drain(jobs: readonly JobView[], reason: string): Promise<void>;
  /** qdel, for jobs that did not end by themselves. */
  cancel(jobs: readonly JobView[], reason: string): Promise<void>;
  registrations(): Promise<ReadonlyMap<string, NodeRegistration>>;
  heartbeats(): Promise<ReadonlyMap<string, Heartbeat>>;
  /** What the batch system said last, by job name. */
  lastStatus(jobName: string): JobStatus | undefined;
  /** Highest resident memory and CPU seconds seen of each job. */
  readonly usage: ReadonlyMap<string, JobUsage>;
}

/** After so many failed jobs of a role in a row no more are submitted. */
const MOST_FAILURES = 4;
/** A node that was part of the campaign for this long has worked. */
const WORKED_MS = 60_000;
/** States in which what is missing is submitted. */
const NODES_WANTED: ReadonlySet<CampaignState> = new Set(["booting", "running", "paused"]);
/** A job that the batch system no longer knows counts as ended after so many looks without any sign of life. */
const ABSENT_LOOKS = 3;

/**
 * How many jobs of a role, the newest ones, failed before they were of any use. One that worked for a while ends the row, whatever its end: walltimes and
 * the silence of an orchestrator end all of a role at once.
 */
export function failuresInARow(view: CampaignView, role: NodeRole): number {
  const jobs = [...view.jobs.values()].filter((job) => job.role === role).sort((a, b) => b.intentAt - a.intentAt);
  let failures = 0;
  for (const { ended, certifiedAt, draining, cancelled } of jobs) {
    // Nobody knows yet what becomes of it.
    if (ended === undefined && certifiedAt === undefined) continue;
    const workedUntil = ended?.at ?? Date.now();
    const worked = certifiedAt !== undefined && workedUntil - certifiedAt >= WORKED_MS;
    if (worked || ended?.exit === 0 || draining || cancelled) break;
    if (ended) failures += 1;
  }
  return failures;
}

export function createNodeGroups(ctx: CampaignContext, inputs: () => NodeInputs): NodeGroups {
  const statuses = new Map<string, JobStatus>();
  const files = createJobFiles(ctx, inputs);
  const agents = createAgents(ctx);
  const joins = createJoins(ctx, statuses);
  const submissions = createSubmissions(ctx, files);
  const absent = new Map<string, number>();

  /** Two at the same time would submit what is missing twice. */
  let reconciling: Promise<void> = Promise.resolve();
  const reconcile = (): Promise<void> => {
    const next = reconciling.then(submitMissing);
    reconciling = next.catch(() => undefined);
    return next;
  };
  /** Submitting many jobs takes a while, in which the campaign may be cancelled. */
  const isWanted = (): boolean => NODES_WANTED.has(ctx.view.state);
  const submitMissing = async (): Promise<void> => {
    for (const job of liveJobs(ctx.view)) {
      if (!isWanted()) return;
      if (job.jobId === undefined) await submissions.submit(job, true);
    }
    for (const role of NODE_ROLES) {
      const target = role === "es-data" ? ctx.view.targets.dataNodes : ctx.view.targets.parsers;
      const live = liveJobs(ctx.view, role).filter((job) => !job.draining && !job.cancelled);
      if (live.length < target && failuresInARow(ctx.view, role) >= MOST_FAILURES) {
        throw new GridError(
          "JOBS_FAIL",
          `${String(MOST_FAILURES)} jobs of the role ${role} in a row failed; nothing more is submitted. Their logs: gridharvest logs ${ctx.record.id} ${[...ctx.view.jobs.values()].filter((j) => j.role === role).at(-1)?.name ?? ""}`,
        );
      }
      for (let missing = target - live.length; missing > 0; missing--) {
        if (!isWanted()) return;
        const numbers = [...ctx.view.jobs.values()]
          .filter((job) => job.role === role)
          .map((job) => jobNumber(job.name));
        const jobName = jobNameOf(ctx.record.tag, role, Math.max(0, ...numbers) + 1);
        await decide(ctx, { type: "submit-intent", jobName, role });
        const job = ctx.view.jobs.get(jobName);
        if (job) await submissions.submit(job, false);
      }
      if (live.length > target && role === "parser") {
        const surplus = live.sort((a, b) => jobNumber(b.name) - jobNumber(a.name)).slice(0, live.length - target);
        await drain(surplus, "scaled down");
      }
    }
  };

  const drain = async (jobs: readonly JobView[], reason: string): Promise<void> => {
    for (const job of jobs) {
      if (!job.draining) await decide(ctx, { type: "drain", jobName: job.name, reason });
      await ctx.redis.set(ctx.keys.drain(job.name), reason);
    }
  };

  const cancel = async (jobs: readonly JobView[], reason: string): Promise<void> => {
    // A job whose qsub is under way has no id yet, and is not "never submitted".
    await reconciling;
    for (const job of jobs) {
      if (!job.cancelled) await decide(ctx, { type: "job-cancel", jobName: job.name, reason });
      const id = job.jobId ?? (await submissions.findByName(job.name))?.id;
      if (id === undefined) {
        await decide(ctx, { type: "job-ended", jobName: job.name, exit: null, how: "never submitted" });
        continue;
      }
      try {
        await ctx.batch.cancel(id, AbortSignal.timeout(ctx.config.batch.commandTimeout * 1000));
      } catch (error) {
        ctx.log.warn("qdel failed; it will be tried again", { job: job.name, error: describeError(error) });
      }
    }
  };

  /** Two looks at the same time would write each end down twice. */
  let looking: Promise<void> | undefined;
  const poll = (): Promise<void> => {
    looking ??= look().finally(() => (looking = undefined));
    return looking;
  };
  const look = async (): Promise<void> => {
    const jobs = liveJobs(ctx.view).filter((job) => job.jobId !== undefined);
    if (jobs.length === 0) return;
    const found = await ctx.batch.status(
      jobs.flatMap((job) => job.jobId ?? []),
      ctx.signal,
    );
    const beats = await agents.heartbeats();
    for (const job of jobs) {
      const status = found.get(job.jobId ?? "");
      if (status) {
        statuses.set(job.name, status);
        absent.delete(job.name);
        if (status.state !== "finished") continue;
        const exit = status.exitStatus ?? (await files.exitStatus(job)) ?? null;
        await decide(ctx, { type: "job-ended", jobName: job.name, exit, how: job.draining ? "drained" : "finished" });
      } else {
        // Absent is not finished: only the job's own exit status, or silence for a while, says so.
        const exit = await files.exitStatus(job);
        const looks = (absent.get(job.name) ?? 0) + 1;
        absent.set(job.name, looks);
        if (exit === undefined && (beats.has(job.name) || looks < ABSENT_LOOKS)) continue;
        await decide(ctx, {
          type: "job-ended",
          jobName: job.name,
          exit: exit ?? null,
          how: "gone from the batch system",
        });
      }
      const ended = job.ended;
      if (ended && ended.exit !== 0 && !job.draining && !job.cancelled) {
        const text = `job ${job.name} (${job.jobId ?? "?"}) ended with exit status ${String(ended.exit)}: ${await files.lastWords(job)}`;
        await decide(ctx, { type: "warning", text });
        ctx.log.warn(text);
      }
    }
  };

  return {
    reconcile,
    poll,
    serveJoins: () => joins.serve(),
    drain,
    cancel,
    registrations: () => agents.registrations(),
    heartbeats: () => agents.heartbeats(),
    lastStatus: (name) => statuses.get(name),
    usage: agents.usage,
  };
}
