import type { JobStatus } from "../../pbs/batch-system.ts";
import { BackfillError, describeError } from "../../worker/contract/errors.ts";
import type { NodeRole } from "../../worker/contract/keys.ts";
import { isSameJob } from "../../pbs/job-id.ts";
import { jobNameOf, jobNumber } from "../node-specs.ts";
import { liveJobs, type CampaignView, type JobView } from "../view.ts";
import { quarantinedHosts } from "./failures.ts";
import type { JobWorld } from "./world.ts";

/**
 * Brings jobs into the batch system. For each name qsub is called once and never again: an answer that did not come is
 * waited for by looking for the name, and when it can come no more the name is given up for a new one. What appears under
 * a name that is not in use is a stray and is deleted. So no sequence of lost answers and crashes runs a job twice.
 */
export interface Submissions {
  /**
   * Submits a new job. @returns whether the batch system took it, for all we know
   * @throws GridError what qsub refused for good while the campaign boots; whatever kept the job's files from being written
   */
  submit(role: NodeRole, replaces: string | undefined): Promise<boolean>;
  /** Finds out about unanswered submissions, and deletes strays. A batch system that does not answer is asked again the next time. */
  resolve(): Promise<void>;
  /** Looks for strays at the next `resolve`. */
  sweepAgain(): void;
  /** Whether the last sweep found nothing. */
  readonly swept: boolean;
}

/** What a qsub may still do after its time limit. */
const AFTER_LIMIT_MS = 15_000;
/** A stray that came later than anybody expected is found by then. */
const SWEEP_EVERY_MS = 600_000;
/** A job may be listed for a while after its qdel. */
const DELETE_AGAIN_MS = 60_000;

export function createSubmissions(world: JobWorld): Submissions {
  const { view, agents, files, log, policy } = world;
  /** Asked for by this process and not answered yet. */
  const inFlight = new Set<string>();
  // What an earlier orchestrator left is not known.
  let swept = false;
  let sweptAt = 0;
  let leased = false;
  /** Why it did not answer the last time. */
  let away: string | undefined;
  /** By job id. */
  const deletedAt = new Map<string, number>();

  const submitted = async (job: JobView, jobId: string, found: boolean): Promise<void> => {
    await world.decide({ type: "submitted", jobName: job.name, jobId, found });
    await agents.lease(job, jobId);
    log.info(found ? "found a job that was submitted before" : `submitted ${job.role}`, { job: job.name, id: jobId });
  };

  const failed = async (job: JobView, error: unknown): Promise<void> => {
    const reason = describeError(error);
    const refused = error instanceof BackfillError && (!error.retryable || error.code === "QSUB_REFUSED");
    if (refused) {
      await world.decide({ type: "submit-refused", jobName: job.name, reason });
      log.warn("qsub refused a job", { job: job.name, error: reason });
      if (!error.retryable && view.state === "booting") throw error;
    } else {
      // Nobody knows whether it submitted.
      await world.decide({ type: "submit-unanswered", jobName: job.name, reason });
      log.warn("qsub did not answer; the job is looked up by its name", { job: job.name, error: reason });
    }
  };

  const submit = async (role: NodeRole, replaces: string | undefined): Promise<boolean> => {
    const jobName = nextJobName(view, world.tag, role);
    const spec = await files.write({ name: jobName, role }, quarantinedHosts(view, world.now()));
    inFlight.add(jobName);
    try {
      await world.decide({
        type: "submit-intent",
        jobName,
        role,
        ...(replaces === undefined ? {} : { replaces }),
      });
      const job = view.jobs.get(jobName);
      if (!job) return false;
      let jobId: string;
      try {
        jobId = await world.batch.submit(spec, world.signal);
      } catch (error) {
        await failed(job, error);
        return false;
      }
      await submitted(job, jobId, false);
      return true;
    } finally {
      inFlight.delete(jobName);
    }
  };

  const resolve = async (): Promise<void> => {
    if (!leased) {
      // The orchestrator before may have died between the two.
      for (const job of liveJobs(view)) if (job.jobId !== undefined) await agents.lease(job, job.jobId);
      leased = true;
    }
    const open = liveJobs(view).filter((job) => job.jobId === undefined && !inFlight.has(job.name));
    const askedAt = world.now();
    if (open.length === 0 && swept && askedAt - sweptAt < SWEEP_EVERY_MS) return;
    let listed: readonly JobStatus[];
    try {
      listed = await world.batch.list(world.signal);
      away = undefined;
    } catch (error) {
      world.signal.throwIfAborted();
      // The same again is not news.
      const text = describeError(error);
      if (text !== away) log.warn("the batch system does not list jobs", { error: text });
      away = text;
      return;
    }
    for (const job of open) {
      const known = listed.find((status) => status.name === job.name);
      if (known) await submitted(job, known.id, true);
      else if (askedAt - job.intentAt > policy.commandSeconds * 1000 + AFTER_LIMIT_MS) {
        await world.decide({ type: "job-ended", jobName: job.name, exit: null, how: "never submitted" });
        swept = false;
      }
    }
    await sweep(listed, askedAt);
    sweptAt = askedAt;
  };

  const sweep = async (listed: readonly JobStatus[], askedAt: number): Promise<void> => {
    const strays = listed.filter((status) => status.state !== "finished" && isStray(view, world.tag, status, inFlight));
    for (const { id, name } of strays) {
      if (askedAt - (deletedAt.get(id) ?? 0) < DELETE_AGAIN_MS) continue;
      deletedAt.set(id, askedAt);
      log.warn("a job that nobody asked for, or that was given up, is deleted", { job: name, id });
      try {
        await world.batch.cancel(id, world.signal);
      } catch (error) {
        world.signal.throwIfAborted();
        log.warn("qdel failed; it will be tried again", { job: name, error: describeError(error) });
      }
    }
    swept = strays.length === 0;
  };

  return {
    submit,
    resolve,
    sweepAgain() {
      swept = false;
    },
    get swept() {
      return swept;
    },
  };
}

/** A name that no job of the campaign ever had. */
export function nextJobName(view: CampaignView, tag: string, role: NodeRole): string {
  const numbers = [...view.jobs.values()].filter((job) => job.role === role).map((job) => jobNumber(job.name));
  return jobNameOf(tag, role, Math.max(0, ...numbers) + 1);
}

/** A job with a name of the campaign's that is not the one that goes by it. */
function isStray(view: CampaignView, tag: string, status: JobStatus, inFlight: ReadonlySet<string>): boolean {
  if (!status.name.startsWith(`gh-${tag}-`) || inFlight.has(status.name)) return false;
  const job = view.jobs.get(status.name);
  // One that has ended may be listed as running for a while; deleting it changes nothing.
  if (!job || job.ended) return true;
  return job.jobId !== undefined && !isSameJob(job.jobId, status.id);
}
