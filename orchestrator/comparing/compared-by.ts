import { resolve } from "node:path";
import type { Pipeline } from "../../worker/contract/pipeline.ts";
import type { Config } from "../config-schema.ts";
import type { Log } from "../log.ts";
import { statePaths } from "../paths.ts";
import type { Plan } from "../plan.ts";
import { ensureElasticsearch } from "../runtimes/index.ts";
import { connectTo } from "../serving/permanent-cluster.ts";
import { compareMappings, type ComparisonOptions, type MappingComparison } from "./compare-mappings.ts";
import { withScratchNode } from "./scratch-node.ts";

/** A cluster that somebody has; absent: one node of its own. */
export interface GivenCluster {
  readonly cluster?: string;
  readonly userFile?: string;
  readonly ca?: string;
}

/**
 * Compares in the cluster that is given, or in a node that is started for it on this machine and gone afterwards.
 * @throws ConfigError, GridError, StoreError as the message says; the signal's reason when aborted
 */
export async function comparedBy(
  config: Config & { readonly stateDir: string },
  given: GivenCluster,
  plan: Plan,
  pipeline: Pipeline,
  how: Pick<ComparisonOptions, "rounds" | "sampleBytes" | "planned">,
  log: Log,
  signal: AbortSignal,
): Promise<MappingComparison> {
  const options = { ...how, configured: config.elasticsearch.index, bulkBytes: config.parsers.bulkBytes };
  if (given.cluster === undefined) {
    const state = statePaths(config.stateDir);
    const elasticsearch = await ensureElasticsearch(config, state, log, signal);
    log.info("starting an Elasticsearch to compare in");
    return await withScratchNode(
      state.scratch,
      config,
      elasticsearch,
      ({ client }) => compareMappings(client, plan, pipeline, options, log, signal),
      signal,
    );
  }
  const file = (name: string | undefined) => (name === undefined ? undefined : resolve(name));
  const client = await connectTo({ url: given.cluster, userFile: file(given.userFile), caFile: file(given.ca) });
  try {
    return await compareMappings(client, plan, pipeline, options, log, signal);
  } finally {
    await client.close();
  }
}
