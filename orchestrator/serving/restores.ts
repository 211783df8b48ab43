import { errors, type Client } from "@elastic/elasticsearch";
import { z } from "zod";
import { StoreError } from "../../worker/contract/errors.ts";
import { ask, requestsOf } from "../ask-elasticsearch.ts";
import { applyProfile, startRetention } from "../index-settings.ts";
import { copiesProfile, RETENTION_CLOCK, writeBlock } from "../profiles.ts";
import type { IndexSight } from "./restore-plan.ts";

/**
 * What is said to a cluster that gets indices out of a snapshot: that of a campaign, or a permanent one. Everything is by
 * name: in a permanent cluster there are indices of others.
 */
export interface Restores {
  /**
   * Makes the repository known, for reading only: two clusters must never write to one.
   * @throws StoreError `REPOSITORY_UNSEEN` when the cluster may not or cannot read the directory
   */
  register(repository: string, location: string): Promise<void>;
  /** Forgets the repository. What is in it stays. */
  unregister(repository: string): Promise<void>;
  /** The indices of the snapshot. @throws StoreError `REPOSITORY_UNSEEN` when the repository has none of that name */
  indicesOf(repository: string, snapshot: string): Promise<readonly string[]>;
  /** Those of the indices that are there. */
  look(indices: readonly string[]): Promise<ReadonlyMap<string, IndexSight>>;
  /** Starts the restore and returns. */
  start(options: RestoreOptions): Promise<void>;
  /** Removes indices. Those that are not there are passed over. */
  remove(indices: readonly string[]): Promise<void>;
  /** Documents of each index; undefined for one that cannot be counted, because it is closed or being restored. */
  counts(indices: readonly string[]): Promise<ReadonlyMap<string, number | undefined>>;
  /** Copies of each index beside the first, as many as there are further data nodes for them, and no more than this. */
  replicate(indices: readonly string[], most: number): Promise<void>;
  /** Has the age of indices counted from these dates, of those that have none yet, where the cluster has lifecycle management; see `startRetention`. */
  startRetention(dates: ReadonlyMap<string, number>): Promise<boolean>;
  /** Closes them for writing. */
  closeWrites(indices: readonly string[]): Promise<void>;
  /** Elasticsearch's words on why a primary of the index stands nowhere. */
  why(index: string): Promise<string>;
}

export interface RestoreOptions {
  readonly repository: string;
  readonly snapshot: string;
  readonly indices: readonly string[];
  /** `archive-{index}`: other names for them. */
  readonly rename?: string;
  readonly replicas?: number;
  /** Further settings of the restored indices. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

/** Only what is looked at. @source Elasticsearch reference, "Cluster state API"; captured from 8.19 */
const shardSchema = z.object({
  state: z.string(),
  primary: z.boolean(),
  shard: z.int(),
  /** Of a shard that does not work yet: `SNAPSHOT` for one that is to come out of a snapshot. */
  recovery_source: z.object({ type: z.string() }).optional(),
  unassigned_info: z.object({ reason: z.string(), details: z.string().optional() }).optional(),
});
const stateSchema = z.object({
  routing_table: z.object({
    indices: z.record(z.string(), z.object({ shards: z.record(z.string(), z.array(shardSchema)) })),
  }),
});

export function createRestores(client: Client): Restores {
  const unseen = (what: string, error: unknown): StoreError =>
    new StoreError(
      "REPOSITORY_UNSEEN",
      `${what}: Elasticsearch says: ${error instanceof Error ? error.message : String(error)}. The directory must be mounted on every master and data node of that cluster, stand in \`path.repo\` of their elasticsearch.yml (read at their start), and be readable for Elasticsearch's user`,
      { cause: error },
    );

  const restores: Restores = {
    async register(repository, location) {
      try {
        await client.snapshot.createRepository({
          name: repository,
          verify: true,
          repository: { type: "fs", settings: { location, readonly: true } },
        });
      } catch (error) {
        // What it cannot reach it calls a fault of its own: 500.
        if (error instanceof errors.ResponseError && /^repository_/.test(typeOf(error))) {
          throw unseen(`the snapshot repository ${location} cannot be registered`, error);
        }
        await ask(`registering the snapshot repository ${location}`, () => Promise.reject(error as Error));
      }
    },

    async unregister(repository) {
      try {
        await client.snapshot.deleteRepository({ name: repository });
      } catch (error) {
        if (error instanceof errors.ResponseError && error.statusCode === 404) return;
        await ask(`forgetting the snapshot repository ${repository}`, () => Promise.reject(error as Error));
      }
    },

    async indicesOf(repository, snapshot) {
      try {
        const { snapshots } = await client.snapshot.get({ repository, snapshot, index_names: true });
        return [...(snapshots?.[0]?.indices ?? [])].sort();
      } catch (error) {
        // A directory that a node does not see looks to it like a repository without a snapshot.
        if (error instanceof errors.ResponseError && /^(snapshot_missing|repository_)/.test(typeOf(error))) {
          throw unseen(`the snapshot ${snapshot} is not in the repository as that cluster sees it`, error);
        }
        return await ask(`looking for the snapshot ${snapshot}`, () => Promise.reject(error as Error));
      }
    },

    async look(indices) {
      const seen = new Map<string, IndexSight>();
      for (const index of requestsOf(indices)) {
        const answer: unknown = await ask<unknown>("looking at the shards", () =>
          client.cluster.state({ metric: "routing_table", index, ignore_unavailable: true, expand_wildcards: "none" }),
        );
        for (const [name, { shards }] of Object.entries(stateSchema.parse(answer).routing_table.indices)) {
          seen.set(name, sightOf(Object.values(shards).flat()));
        }
      }
      return seen;
    },

    async start({ repository, snapshot, indices, rename, replicas, settings }) {
      if (indices.length === 0) return;
      await ask(`restoring ${String(indices.length)} indices of the snapshot ${snapshot}`, () =>
        client.snapshot.restore({
          repository,
          snapshot,
          indices: [...indices],
          include_global_state: false,
          include_aliases: false,
          // They were saved while they were closed.
          ignore_index_settings: ["index.blocks.write"],
          ...(rename === undefined
            ? {}
            : { rename_pattern: "(.+)", rename_replacement: rename.replaceAll("{index}", "$1") }),
          ...(replicas === undefined
            ? {}
            : {
                index_settings: {
                  "index.number_of_replicas": replicas,
                  "index.auto_expand_replicas": false,
                  ...settings,
                },
              }),
          // A large index takes longer than any request may.
          wait_for_completion: false,
        }),
      );
    },

    async remove(indices) {
      for (const index of requestsOf(indices)) {
        await ask(`removing ${index.join(", ")}`, () => client.indices.delete({ index, ignore_unavailable: true }));
      }
    },

    async counts(indices) {
      const counts = new Map<string, number | undefined>();
      for (const index of indices) {
        try {
          const { count, _shards: shards } = await client.count({ index });
          counts.set(index, shards.failed === 0 ? count : undefined);
        } catch (error) {
          const type = error instanceof errors.ResponseError ? typeOf(error) : "";
          if (!/^(index_closed|search_phase_execution|no_shard_available)/.test(type)) {
            await ask(`counting ${index}`, () => Promise.reject(error as Error));
          }
          counts.set(index, undefined);
        }
      }
      return counts;
    },

    replicate: (indices, most) => applyProfile(client, indices, copiesProfile(most)),

    async startRetention(dates) {
      const without: string[] = [];
      for (const index of requestsOf([...dates.keys()])) {
        const found = await ask("reading the settings of indices", () =>
          client.indices.getSettings({ index, flat_settings: true }),
        );
        const settings = (name: string) => found[name]?.settings as Readonly<Record<string, unknown>> | undefined;
        without.push(...index.filter((name) => settings(name)?.[RETENTION_CLOCK] === undefined));
      }
      return await startRetention(client, new Map([...dates].filter(([index]) => without.includes(index))));
    },

    closeWrites: (indices) => applyProfile(client, indices, writeBlock(true)),

    async why(index) {
      const seen = (await restores.look([index])).get(index);
      if (seen?.kind !== "unassigned") return "it is there";
      const answer = await ask(`asking why ${index} is not there`, () =>
        client.cluster.allocationExplain({ index, shard: seen.shard, primary: true }),
      );
      const decisions = (answer.node_allocation_decisions ?? []).flatMap(({ deciders }) => deciders ?? []);
      return (
        decisions.find(({ decision }) => decision === "NO")?.explanation ?? answer.allocate_explanation ?? seen.why
      );
    },
  };
  return restores;
}

/** Elasticsearch's name of what went wrong, e.g. `repository_exception`. */
function typeOf(error: errors.ResponseError): string {
  const body = error.body as { error?: { type?: string } } | undefined;
  return body?.error?.type ?? "";
}

function sightOf(shards: readonly z.infer<typeof shardSchema>[]): IndexSight {
  const primaries = shards.filter(({ primary }) => primary);
  const lost = primaries.find(({ state }) => state === "UNASSIGNED");
  if (lost) {
    const { reason, details } = lost.unassigned_info ?? { reason: "unassigned" };
    return {
      kind: "unassigned",
      shard: lost.shard,
      fromSnapshot: lost.recovery_source?.type === "SNAPSHOT",
      why: details === undefined ? reason : `${reason}: ${details}`,
    };
  }
  return { kind: primaries.some(({ state }) => state === "INITIALIZING") ? "coming" : "ready" };
}
