import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../../orchestrator/config.ts";
import { createLog } from "../../orchestrator/log.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { ensureElasticsearch } from "../../orchestrator/runtimes/elasticsearch.ts";

/** Where a benchmark with an Elasticsearch of its own works. */
export interface BenchPlace {
  /** Removed at the end. */
  readonly dir: string;
  /** Kept, for what is built or installed once. */
  readonly kept: string;
  readonly config: Awaited<ReturnType<typeof loadConfig>>["config"];
  readonly elasticsearch: { readonly home: string; readonly javaHome: string };
}

/** Sets Elasticsearch up, does the work in a fresh directory below the state directory and removes it. */
export async function inBenchPlace<T>(work: (place: BenchPlace) => Promise<T>): Promise<T> {
  const { config } = await loadConfig({ env: process.env });
  const elasticsearch = await ensureElasticsearch(config, statePaths(config.stateDir), createLog({ level: "warn" }));
  const kept = join(config.stateDir, "bench");
  await mkdir(kept, { recursive: true });
  const dir = await mkdtemp(join(kept, "run-"));
  // Elasticsearch does not run as root.
  await chmod(dir, 0o711);
  try {
    return await work({ dir, kept, config, elasticsearch });
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
