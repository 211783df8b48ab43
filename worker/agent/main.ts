import { readFile } from "node:fs/promises";
import { ConfigError, describeError } from "../contract/errors.ts";
import { nodeSecretsSchema, nodeSpecSchema, type NodeSecrets, type NodeSpec } from "../contract/node.ts";
import { runAgent } from "./agent.ts";
import { AGENT_EXITS } from "../contract/agent-exits.ts";
import type { AgentEnd } from "./end.ts";
import { Life } from "./life.ts";
import { logToStderr as log } from "./log.ts";

/**
 * Entry of the node agent: `node agent.mjs PATH-OF-node.json`. The exit code tells why it ended: see `contract/agent-exits.ts`.
 */

/** After a fault the service has this long to be stopped. */
const FAULT_PATIENCE_MS = 25_000;

/** @throws ConfigError `NODE_SPEC_INVALID` */
async function readStart(file: string | undefined): Promise<{ spec: NodeSpec; secrets: NodeSecrets; jobId: string }> {
  if (file === undefined) throw new ConfigError("NODE_SPEC_INVALID", "usage: agent.mjs PATH-OF-node.json");
  const spec = parse(file, await read(file), nodeSpecSchema);
  const secrets = parse(spec.secretsFile, await read(spec.secretsFile), nodeSecretsSchema);
  const { GRIDHARVEST_JOB_ID, PBS_JOBID } = process.env;
  // The job script names it for every batch system.
  const jobId = GRIDHARVEST_JOB_ID ?? PBS_JOBID ?? "";
  if (jobId === "") {
    throw new ConfigError("NODE_SPEC_INVALID", "PBS_JOBID is not set: the agent runs inside a batch job only");
  }
  return { spec, secrets, jobId };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new ConfigError("NODE_SPEC_INVALID", `cannot read ${file}; is the shared file system mounted on this node?`, {
      cause,
    });
  }
}

/** What does not fit is not quoted: it may be a secret. */
function parse<T>(file: string, text: string, schema: { parse(value: unknown): T }): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new ConfigError("NODE_SPEC_INVALID", `${file} is not what this version of the agent understands`);
  }
}

async function main(): Promise<AgentEnd> {
  const life = new Life();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => life.stop("terminated", signal));
  }
  const onFault = (error: unknown): void => {
    log(`a fault: ${error instanceof Error ? (error.stack ?? error.message) : describeError(error)}`);
    life.stop("fault", describeError(error));
    // Whatever hangs: the kernel ends the service when we go.
    setTimeout(() => process.exit(AGENT_EXITS.fault), FAULT_PATIENCE_MS).unref();
  };
  process.on("uncaughtException", onFault);
  process.on("unhandledRejection", onFault);
  let start: Awaited<ReturnType<typeof readStart>>;
  try {
    start = await readStart(process.argv[2]);
  } catch (error) {
    return { reason: "bad-start", detail: describeError(error) };
  }
  return await runAgent({ ...start, startedAt: performance.timeOrigin, life, log });
}

if (import.meta.main) {
  const { reason, detail } = await main();
  log(`ended: ${reason}: ${detail}`);
  process.exit(AGENT_EXITS[reason]);
}
