import type { BatchSystem, CommandRunner, PbsDialect } from "../pbs/batch-system.ts";
import { localCommandRunner } from "../pbs/command.ts";
import { detectDialect } from "../pbs/detect.ts";
import { createBatchSystem, DIALECTS } from "../pbs/index.ts";
import type { Config } from "./config-schema.ts";
import { nodeBinary } from "./runtimes/node.ts";

/** What the embedded batch system needs beside the configuration. */
export interface EmbeddedBatch {
  readonly batchDir: string;
  /** The bundle of its programs. */
  readonly entry: string;
  /** Instead of the configured one. */
  readonly queueDelaySeconds?: number;
}

/**
 * The batch system of a configuration, ready for use.
 * @param runner where a site's commands run; on this machine when absent. The embedded batch system is always here.
 */
export function openBatchSystem(
  { batch }: Pick<Config, "batch">,
  embedded: EmbeddedBatch,
  signal: AbortSignal,
  runner?: CommandRunner,
): Promise<BatchSystem> {
  const commandTimeoutSeconds = batch.commandTimeout;
  if (batch.system !== "local") {
    return createBatchSystem({
      system: batch.system,
      commandTimeoutSeconds,
      signal,
      ...(runner === undefined ? {} : { runner }),
    });
  }
  return createBatchSystem({
    system: "local",
    commandTimeoutSeconds,
    batchDir: embedded.batchDir,
    nodes: batch.local.nodes,
    slotsPerNode: batch.local.slotsPerNode,
    queueDelaySeconds: embedded.queueDelaySeconds ?? batch.local.queueDelay,
    node: nodeBinary(),
    entry: embedded.entry,
  });
}

/**
 * The dialect of a configuration, without a batch system around it. `auto` runs one command.
 * @throws ConfigError `BATCH_SYSTEM_UNKNOWN`; GridError `COMMAND_MISSING`, `COMMAND_TIMEOUT`
 */
export async function dialectOf(
  { batch }: Pick<Config, "batch">,
  signal: AbortSignal,
  runner: CommandRunner = localCommandRunner(),
): Promise<PbsDialect> {
  const { system } = batch;
  return DIALECTS[system === "auto" ? await detectDialect(runner, batch.commandTimeout, signal) : system];
}
