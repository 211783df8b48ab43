import type { JobStatus } from "../../pbs/batch-system.ts";
import { BackfillError, describeError } from "../../worker/contract/errors.ts";
import type { LeaseRecord } from "../../worker/contract/node.ts";
import { decide, type CampaignContext } from "../context.ts";
import { jobSpecOf } from "../node-specs.ts";
import type { JobView } from "../view.ts";
import type { JobFiles } from "./files.ts";

/** Brings jobs into the batch system, each once. */
export interface Submissions {
  /**
   * Submits the job of an intent, unless it was submitted already. An answer that never came is resolved by looking
   * for the name; a second agent of the same name would end itself in any case.
   */
  submit(job: JobView, lookFirst: boolean): Promise<void>;
  /** A job of ours that the batch system knows by its name; undefined when it was asked and there is none. */
  findByName(name: string): Promise<JobStatus | undefined>;
}

export function createSubmissions(ctx: CampaignContext, files: JobFiles): Submissions {
  const lease = async (job: JobView, jobId: string): Promise<void> => {
    const record: LeaseRecord = { jobName: job.name, jobId, role: job.role };
    await ctx.redis.hset(ctx.keys.leases, job.name, JSON.stringify(record));
  };

  const findByName = async (name: string): Promise<JobStatus | undefined> =>
    (await ctx.batch.list(ctx.signal)).find((status) => status.name === name);

  const submit = async (job: JobView, lookFirst: boolean): Promise<void> => {
    const known = lookFirst ? await findByName(job.name) : undefined;
    if (known) {
      await decide(ctx, { type: "submitted", jobName: job.name, jobId: known.id, found: true });
      await lease(job, known.id);
      ctx.log.info("found a job that was submitted before", { job: job.name, id: known.id });
      return;
    }
    await files.write(job);
    let jobId: string;
    try {
      jobId = await ctx.batch.submit(
        jobSpecOf({ config: ctx.config, paths: ctx.paths }, job.role, job.name),
        ctx.signal,
      );
    } catch (error) {
      if (error instanceof BackfillError && !error.retryable) {
        await decide(ctx, { type: "submit-refused", jobName: job.name, reason: describeError(error) });
        throw error;
      }
      // Nobody knows whether it submitted. The next look finds it by its name or submits it.
      ctx.log.warn("qsub did not answer; the job will be looked up by its name", {
        job: job.name,
        error: describeError(error),
      });
      return;
    }
    await decide(ctx, { type: "submitted", jobName: job.name, jobId, found: false });
    await lease(job, jobId);
    ctx.log.info(`submitted ${job.role}`, { job: job.name, id: jobId });
  };

  return { submit, findByName };
}
