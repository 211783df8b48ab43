import type { Config } from "../config-schema.ts";
import type { Setup } from "./simulate.ts";
import type { FileGroup } from "./work.ts";

/** The part of a configuration that decides how long a campaign takes. */
export type SimulatedConfig = Pick<Config, "dataNodes" | "parsers" | "batch" | "staging" | "plan">;

/**
 * A campaign of this configuration.
 * @param days how many indices, and how each is split
 * @param machineCores that all nodes share; what a job's `cpus` are is then nobody's limit
 */
export function setupOf(
  config: SimulatedConfig,
  files: readonly FileGroup[],
  days: { readonly indices: number; readonly shardsPerIndex: number },
  machineCores: number | undefined,
): Setup {
  const { dataNodes, parsers, batch } = config;
  return {
    files,
    chunkBytes: config.plan.chunkBytes,
    stagingBytes: config.staging.limit,
    ...days,
    dataNodes: { count: dataNodes.count, cores: machineCores ?? dataNodes.cpus, replicas: dataNodes.replicas },
    parsers: {
      count: parsers.count,
      cores: machineCores ?? parsers.cpus,
      slots: parsers.slots,
      unpackSlots: parsers.unpackSlots,
      requestsInFlight: parsers.requestsInFlight,
      bulkBytes: parsers.bulkBytes,
    },
    ...(machineCores === undefined ? {} : { machineCores }),
    submissionsPerMinute: batch.submissionsPerMinute,
    walltimes: { dataNode: dataNodes.walltime, parser: parsers.walltime, marginSeconds: batch.replaceMargin },
  };
}
