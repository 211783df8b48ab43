import { join } from "node:path";
import type { JobSpec } from "../../pbs/batch-system.ts";
import { renderJobScript } from "../../pbs/job-script.ts";
import { BackfillError, GridError } from "../../worker/contract/errors.ts";
import { programsOf, type CampaignContext } from "../context.ts";
import { jobDirOf, jobSpecOf, nodeSpecOf, type NodeInputs } from "../node-specs.ts";
import { writeJobSecrets } from "../security/index.ts";
import type { JobView } from "../view.ts";

/** The files of a job where nodes see them: what it reads at its start, and what it leaves at its end. */
export interface JobFiles {
  /**
   * Writes secrets, `node.json` and the script of a job that is about to be submitted.
   * @throws GridError `GATEWAY_DOWN` (retryable) before the secrets are made
   */
  write(job: Pick<JobView, "name" | "role">, excludeHosts: readonly string[]): Promise<JobSpec>;
  /**
   * The exit status that the job script wrote down; undefined while there is none.
   * @throws GridError (retryable) while the place cannot be reached
   */
  exitStatus(job: JobView): Promise<number | undefined>;
  /** Removes the exit status of an earlier run of the job. */
  forgetExit(job: JobView): Promise<void>;
  /** What the job wrote last, to its error file or else to its output, for messages. */
  lastWords(job: JobView): Promise<string>;
}

export function createJobFiles(ctx: CampaignContext, inputs: () => NodeInputs): JobFiles {
  const { store, paths } = ctx.nodeFiles;
  const fileOf = (job: JobView, name: string): string => join(jobDirOf(paths, job.name), name);
  return {
    async write(job, excludeHosts) {
      if (!ctx.secrets)
        throw new GridError("GATEWAY_DOWN", "the campaign's secrets are not made yet", { retryable: true });
      const programs = await ctx.nodeFiles.programs(programsOf(ctx));
      const dir = jobDirOf(paths, job.name);
      await store.makeDir(dir);
      await ctx.nodeFiles.giveSecrets(await writeJobSecrets(ctx.secrets, { jobName: job.name, role: job.role }));
      const node = nodeSpecOf({ ...inputs(), programs }, job.role, job.name);
      await store.write(join(dir, "node.json"), `${JSON.stringify(node, null, 2)}\n`);
      const spec = await ctx.batch.place(
        jobSpecOf({ config: ctx.config, paths }, job.role, job.name, excludeHosts),
        ctx.signal,
      );
      const script = renderJobScript({
        spec,
        dialect: ctx.dialect,
        node: programs.node,
        agentBundle: programs.agent,
        jobDir: dir,
      });
      await store.write(spec.scriptFile, script, 0o755);
      return spec;
    },
    async exitStatus(job) {
      try {
        const text = await store.read(fileOf(job, "exit-status"));
        const code = Number.parseInt(text?.toString("utf8") ?? "", 10);
        return Number.isNaN(code) ? undefined : code;
      } catch (error) {
        // While the frontend is away nobody knows; a file that cannot be read says as little as none.
        if (error instanceof BackfillError && error.retryable && error.code !== "FILES_FAILED") throw error;
        return undefined;
      }
    },
    async forgetExit(job) {
      await store.remove(fileOf(job, "exit-status"));
    },
    async lastWords(job) {
      for (const name of ["job.err", "job.out"]) {
        const text = await store.read(fileOf(job, name)).catch(() => undefined);
        const words = text?.toString("utf8").trimEnd().split("\n").slice(-3).join(" | ").slice(-600);
        if (words) return words;
      }
      return "it wrote nothing";
    },
  };
}
