import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { JobSpec } from "../../pbs/batch-system.ts";
import { renderJobScript } from "../../pbs/job-script.ts";
import { GridError } from "../../worker/contract/errors.ts";
import { writeFileAtomic } from "../campaign-store.ts";
import { programsOf, type CampaignContext } from "../context.ts";
import { jobDirOf, jobSpecOf, nodeSpecOf, type NodeInputs } from "../node-specs.ts";
import { writeJobSecrets } from "../security/index.ts";
import type { JobView } from "../view.ts";

/** The files of a job on the shared file system: what it reads at its start, and what it leaves at its end. */
export interface JobFiles {
  /**
   * Writes secrets, `node.json` and the script of a job that is about to be submitted.
   * @throws GridError `GATEWAY_DOWN` (retryable) before the secrets are made
   */
  write(job: Pick<JobView, "name" | "role">, excludeHosts: readonly string[]): Promise<JobSpec>;
  /** The exit status that the job script wrote down; undefined while there is none. */
  exitStatus(job: JobView): Promise<number | undefined>;
  /** Removes the exit status of an earlier run of the job. */
  forgetExit(job: JobView): Promise<void>;
  /** The last lines of the job's error file, for messages. */
  lastWords(job: JobView): Promise<string>;
}

export function createJobFiles(ctx: CampaignContext, inputs: () => NodeInputs): JobFiles {
  return {
    async write(job, excludeHosts) {
      if (!ctx.secrets)
        throw new GridError("GATEWAY_DOWN", "the campaign's secrets are not made yet", { retryable: true });
      const dir = jobDirOf(ctx.paths, job.name);
      await mkdir(dir, { recursive: true });
      await writeJobSecrets(ctx.secrets, { jobName: job.name, role: job.role });
      await writeFileAtomic(
        join(dir, "node.json"),
        `${JSON.stringify(nodeSpecOf(inputs(), job.role, job.name), null, 2)}\n`,
      );
      const spec = await ctx.batch.place(
        jobSpecOf({ config: ctx.config, paths: ctx.paths }, job.role, job.name, excludeHosts),
        ctx.signal,
      );
      const script = renderJobScript({
        spec,
        dialect: ctx.dialect,
        node: programsOf(ctx).node,
        agentBundle: programsOf(ctx).agent,
        jobDir: dir,
      });
      await writeFileAtomic(spec.scriptFile, script, 0o755);
      return spec;
    },
    async exitStatus(job) {
      try {
        const text = await readFile(join(jobDirOf(ctx.paths, job.name), "exit-status"), "utf8");
        const code = Number.parseInt(text, 10);
        return Number.isNaN(code) ? undefined : code;
      } catch {
        return undefined;
      }
    },
    async forgetExit(job) {
      await rm(join(jobDirOf(ctx.paths, job.name), "exit-status"), { force: true });
    },
    async lastWords(job) {
      try {
        const text = await readFile(join(jobDirOf(ctx.paths, job.name), "job.err"), "utf8");
        return text.trimEnd().split("\n").slice(-3).join(" | ").slice(-600);
      } catch {
        return "it wrote no error file";
      }
    },
  };
}
