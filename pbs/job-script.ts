import { join } from "node:path";
import { renderTemplate } from "../templates/render.ts";
import type { JobSpec, PbsDialect } from "./batch-system.ts";

/** The script of a node's job, as it is submitted. Holds no secret: the agent reads those from a file of mode 0600. */
export function renderJobScript(options: {
  readonly spec: JobSpec;
  readonly dialect: PbsDialect;
  /** The Node binary and the agent's bundle, as nodes see them. */
  readonly node: string;
  readonly agentBundle: string;
  readonly jobDir: string;
}): string {
  return renderTemplate("pbs/jobs/node.pbs.tmpl", {
    directives: options.dialect.directives(options.spec),
    jobDir: options.jobDir,
    node: options.node,
    agentBundle: options.agentBundle,
    nodeFile: join(options.jobDir, "node.json"),
  });
}
