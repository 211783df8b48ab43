import { renderTemplate } from "../templates/render.ts";
import type { JobSpec, PbsDialect } from "./batch-system.ts";

/** The file in the job's directory that a probe leaves, once it is whole. */
export const PROBE_REPORT = "report";

/**
 * The script of a job that tells what only a host of the grid knows of itself: its limits, its clock, whether its scratch directory can be
 * written to, whether it gets through to the gateway. For a plain shell: nothing of ours may be there yet.
 */
export function renderProbeScript(options: {
  readonly spec: JobSpec;
  readonly dialect: PbsDialect;
  readonly jobDir: string;
  readonly scratchDir: string;
  /** Where somebody listens on the gateway host; undefined to leave that out. */
  readonly gateway: { readonly host: string; readonly port: number } | undefined;
}): string {
  return renderTemplate("pbs/jobs/probe.pbs.tmpl", {
    directives: options.dialect.directives(options.spec),
    name: options.spec.name,
    jobDir: options.jobDir,
    scratchDir: options.scratchDir,
    gateway: options.gateway ?? null,
  });
}
