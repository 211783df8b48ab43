import type { Redis } from "ioredis";
import { ConfigError } from "./contract/errors.ts";
import { parseJson } from "./contract/json.ts";
import type { CampaignKeys } from "./contract/keys.ts";
import { rulesSchema } from "./contract/rules.ts";
import { readDatabases } from "./databases.ts";
import { hashInThread } from "./hash-in-thread.ts";
import { createPipelinePool, type PipelinePool } from "./pipeline-pool.ts";

/** The pipelines that replays name. */
export interface ReplayPools {
  /** Made when it is asked for first. @throws ConfigError `PIPELINE_MISMATCH`, `DATABASE_UNFIT` */
  of(pipeline: string): Promise<PipelinePool>;
  close(): Promise<void>;
}

/**
 * One thread for each pipeline beside the campaign's own. They stay, since a month's replay is many small jobs, and a campaign is replayed with few pipelines.
 * @param own the campaign's, which is closed by whoever made it
 */
export function createReplayPools(
  redis: Pick<Redis, "get">,
  keys: CampaignKeys,
  own: { readonly pipeline: string; readonly pool: PipelinePool },
  entry: URL,
): ReplayPools {
  const pools = new Map<string, Promise<PipelinePool>>();

  async function make(pipeline: string): Promise<PipelinePool> {
    const text = await redis.get(keys.replayRules(pipeline));
    const { data: rules, error } = rulesSchema.safeParse(parseJson(text));
    const hash = rules && (await hashInThread(entry, rules));
    if (!rules || hash !== pipeline) {
      const found = text === null ? "not there" : (error?.message ?? `those of ${hash} here`);
      throw new ConfigError(
        "PIPELINE_MISMATCH",
        `the rules of the pipeline ${pipeline}, by which rejected documents are to be loaded again, are ${found}; run one version everywhere`,
      );
    }
    return createPipelinePool({ threads: 1, entry, rules, databases: await readDatabases(rules.databases) });
  }

  return {
    of(pipeline) {
      if (pipeline === own.pipeline) return Promise.resolve(own.pool);
      let pool = pools.get(pipeline);
      if (!pool) {
        pool = make(pipeline);
        pools.set(pipeline, pool);
        // What was wrong may be mended by then.
        pool.catch(() => pools.delete(pipeline));
      }
      return pool;
    },
    async close() {
      const made = await Promise.allSettled([...pools.values()]);
      await Promise.all(made.flatMap((one) => (one.status === "fulfilled" ? [one.value.close()] : [])));
    },
  };
}
