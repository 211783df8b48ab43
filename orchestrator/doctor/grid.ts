import type { BatchSystem } from "../../pbs/batch-system.ts";
import { exceededLimits } from "../../pbs/queue-limits.ts";
import type { Config } from "../config-schema.ts";
import type { Finding } from "../doctor.ts";

/** Whether a site has hosts, and queues that take the jobs of this configuration. */
export async function checkGrid(
  system: BatchSystem,
  config: Pick<Config, "dataNodes" | "parsers">,
  signal: AbortSignal,
): Promise<Finding> {
  const nodes = await system.nodes(signal);
  const up = nodes.filter(({ state }) => state === "free" || state === "busy");
  const problems: string[] = [];
  for (const role of ["dataNodes", "parsers"] as const) {
    const { queue, walltime, memory, cpus } = config[role];
    const limits = await system.limits(queue, signal);
    if (!limits) {
      if (queue !== undefined) problems.push(`${role}.queue: there is no queue ${queue}`);
      continue;
    }
    const asked = { walltimeSeconds: Math.ceil(walltime), memoryBytes: memory, cpus };
    for (const { limit, allowed, asked: much } of exceededLimits(asked, limits)) {
      problems.push(`${role} asks for ${much}, and queue ${limits.queue} allows ${allowed} (${limit})`);
    }
    if (!limits.starts) problems.push(`${role}: queue ${limits.queue} starts no jobs now`);
  }
  const text = `${system.dialect.name}: ${up.length} of ${nodes.length} hosts up`;
  if (problems.length === 0 && up.length > 0) return { level: "ok", text };
  return {
    level: "missing",
    text: [text, ...problems].join("\n"),
    remedy: problems.length > 0 ? "correct queue, walltime, memory or cpus of that role" : "look at pbsnodes",
  };
}
