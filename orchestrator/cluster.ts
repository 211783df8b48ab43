import { setTimeout as sleep } from "node:timers/promises";
import type { Client, estypes } from "@elastic/elasticsearch";
import { errors } from "@elastic/elasticsearch";
import { z } from "zod";
import { StoreError } from "../worker/contract/errors.ts";
import { ATTEMPT_FIELD, type Ids } from "../worker/contract/ids.ts";
import { indexNamesOf, indexWildcard, revisionReader, type IndexNaming } from "../worker/contract/index-names.ts";
import type { YearMonth } from "../worker/contract/months.ts";
import type { RuleField } from "../worker/contract/rules.ts";
import { readTemplate } from "../templates/files.ts";
import { ask, requestsOf } from "./ask-elasticsearch.ts";
import type { StoreSight } from "./jobs/steer.ts";
import type { PrimarySight } from "./loss/consequences.ts";
import type { Shard } from "./loss/record.ts";
import { lookAtMonths, readRevisions, swap, type MonthNaming } from "./revisions/published.ts";
import { createRestores, type Restores } from "./serving/restores.ts";
import { applyProfile, checkProfile, mergeSegments, startRetention } from "./index-settings.ts";
import { withFields } from "./mapping.ts";
import { loadingProfile, loadProfile, SERVING_PROFILE, writeBlock, type ShardLayout } from "./profiles.ts";

/**
 * What the orchestrator says to Elasticsearch: templates, indices, counts, snapshots. Uses nothing that the slim
 * distribution lacks (no `GET /`, no delete-by-query): see the capability probe.
 */

export interface ClusterHealth {
  readonly status: string;
  readonly dataNodes: number;
  readonly relocatingShards: number;
  readonly unassignedShards: number;
}

export interface Cluster {
  health(): Promise<ClusterHealth>;
  /**
   * Moves the shards of exactly these data nodes away, then tells what each data node holds.
   * @param names node names; none to let shards stand anywhere
   */
  exclude(names: readonly string[]): Promise<StoreSight>;
  /**
   * Writes the index template and makes every index of the months. Those that exist keep their shards and how they keep documents, and
   * are set for loading.
   * @throws StoreError `SETTINGS_NOT_TAKEN` when one is not as the load profile has it
   */
  prepare(
    naming: IndexNaming,
    months: readonly YearMonth[],
    layout: ShardLayout,
    fields: readonly RuleField[],
    ids?: Ids,
  ): Promise<readonly string[]>;
  /** The primary shards of the indices of this naming, its revision's alone. */
  primaries(naming: IndexNaming): Promise<readonly PrimarySight[]>;
  /** How many primary shards of this naming stand on each node that holds any, by node name. */
  primariesByNode(naming: IndexNaming): Promise<ReadonlyMap<string, number>>;
  /**
   * Puts an empty primary on the named node for each of these shards, of which no copy is left. What a copy that turns up later holds is lost.
   * @throws StoreError, retryable also when a node went in between
   */
  allocateEmptyPrimaries(places: readonly (Shard & { readonly node: string })[]): Promise<void>;
  /** The indices of this naming that exist, its revision's alone. */
  indices(naming: IndexNaming): Promise<readonly string[]>;
  /** @throws StoreError, retryable, when a shard did not do it */
  refresh(indices: readonly string[]): Promise<void>;
  /** Writes to disk what shards hold in memory. @throws StoreError, retryable, when a shard did not */
  flush(indices: readonly string[]): Promise<void>;
  /** Documents by index. */
  counts(indices: readonly string[]): Promise<Readonly<Record<string, number>>>;
  /** Documents by the value of the keyword field `file`, without those of some attempts. Pages through all of them. */
  countsByFile(indices: readonly string[], without?: readonly string[]): Promise<ReadonlyMap<string, FileCount>>;
  /** Documents of one file in each of the offset ranges `[from, to)`, without those of some attempts: a search for a thousand ranges. */
  countsByRange(
    indices: readonly string[],
    file: string,
    ranges: readonly (readonly [number, number])[],
    without?: readonly string[],
  ): Promise<readonly number[]>;
  /** Deletes the documents of one file in the offset range: what an uncommitted attempt left. Returns how many. */
  deleteRange(indices: readonly string[], file: string, range: readonly [number, number]): Promise<number>;
  /** Deletes all documents of these files. Returns how many. */
  deleteFiles(indices: readonly string[], files: readonly string[]): Promise<number>;
  /** Maps the fields of the campaign's pipelines in indices that were made for others. */
  mapFields(indices: readonly string[], fields: readonly RuleField[], ids: Ids): Promise<void>;
  /** Documents that carry one of the tags of attempts. */
  countByAttempts(indices: readonly string[], tags: readonly string[]): Promise<number>;
  /** Deletes them. Returns how many. */
  deleteByAttempts(indices: readonly string[], tags: readonly string[]): Promise<number>;
  /**
   * Closes the indices for writing. Resolves when writes that were under way are done: behind it nothing is written.
   * @throws StoreError, retryable, when a shard did not say so
   */
  blockWrites(indices: readonly string[]): Promise<void>;
  /** Opens them again. */
  allowWrites(indices: readonly string[]): Promise<void>;
  /**
   * The serving profile, and each index's retention clock where the cluster has lifecycle management.
   * @param dates by index, see `originationDates`
   * @throws StoreError `SETTINGS_NOT_TAKEN`
   */
  applyServingSettings(indices: readonly string[], dates: ReadonlyMap<string, number>): Promise<void>;
  /** Merges every shard into at most so many segments. However long it takes. */
  mergeSegments(indices: readonly string[], segments: number, signal: AbortSignal): Promise<void>;
  registerRepository(name: string, location: string): Promise<void>;
  /** Takes the snapshot, or finds that it was taken. Resolves when its state is SUCCESS. */
  snapshot(repository: string, name: string, indices: readonly string[], signal: AbortSignal): Promise<void>;
  /** Removes a snapshot. None of that name is success. */
  deleteSnapshot(repository: string, name: string): Promise<void>;
  /** Restores one index of the snapshot under another name, counts it, removes it. However long it takes. */
  restoredCount(repository: string, snapshot: string, index: string, signal: AbortSignal): Promise<number>;
  /** Figures of the data nodes for the tuning dashboard, by node name. */
  nodeFigures(): Promise<Readonly<Record<string, NodeFigures>>>;
  /** Bytes on disk of the indices. */
  storeBytes(indices: readonly string[]): Promise<number>;
  /** Gives this revision of the months their aliases, unless another one has them. */
  publish(months: readonly MonthNaming[], revision: number): Promise<void>;
  /** What brings indices back out of a snapshot. */
  readonly restores: Restores;
}

/** The documents of a file, those of them that have an offset, and the least and largest one; null when there is none. */
export interface FileCount {
  readonly documents: number;
  readonly placed: number;
  readonly first: number | null;
  readonly last: number | null;
}

export interface NodeFigures {
  readonly documents: number;
  readonly storeBytes: number;
  /** Documents indexed since the node started, and the milliseconds that it took over all threads. */
  readonly indexed: number;
  readonly indexMillis: number;
  readonly throttledMillis: number;
  readonly mergeMillis: number;
  readonly mergesRunning: number;
  readonly gcMillis: number;
  readonly heapPercent: number;
  readonly heapBytes: number;
  readonly writeQueue: number;
  readonly writeActive: number;
  /** CPU milliseconds of the process since it started. */
  readonly cpuMillis: number;
  /** How busy all processors of its host are, whoever uses them, 0 to 100. */
  readonly hostCpuPercent: number;
  /** Cores that its control group lets it use; absent where there is no such limit. */
  readonly cpuLimit?: number;
  /** Milliseconds in which its disks were at work; absent where the system does not tell. */
  readonly diskMillis?: number;
}

/** @source Elasticsearch reference, nodes stats, `os.cgroup.cpu`; a quota of -1 is none */
function cpuLimitOf(
  cpu: { readonly cfs_quota_micros?: number; readonly cfs_period_micros?: number } | undefined,
): number | undefined {
  const { cfs_quota_micros: quota = -1, cfs_period_micros: period = 0 } = cpu ?? {};
  return quota > 0 && period > 0 ? quota / period : undefined;
}

const TEMPLATE_NAME = "gridharvest";
/** Tags, or files, in one query, far below what Elasticsearch takes. @source Elasticsearch reference, `index.max_terms_count` */
const TERMS_AT_ONCE = 5000;
/** Offset ranges of one search. */
const RANGES = 1000;
const EXCLUDE = "cluster.routing.allocation.exclude._name";

/** Only what is looked at. @source Elasticsearch reference, "Cluster state API"; captured from 8.19 */
const shardSchema = z.object({
  state: z.string(),
  primary: z.boolean(),
  shard: z.int(),
  unassigned_info: z.object({ allocation_status: z.string().optional() }).optional(),
});
const stateSchema = z.object({
  routing_table: z.object({
    indices: z.record(z.string(), z.object({ shards: z.record(z.string(), z.array(shardSchema)) })).default({}),
  }),
});

function primaryState({ state, unassigned_info: info }: z.infer<typeof shardSchema>): PrimarySight["state"] {
  if (state === "STARTED" || state === "RELOCATING") return "works";
  return state === "UNASSIGNED" && info?.allocation_status === "no_valid_shard_copy" ? "lost" : "waiting";
}

/** The index template: the load profile, and the mapping with the fields of the campaign's pipelines. */
export function loadingTemplate(
  layout: ShardLayout,
  fields: readonly RuleField[],
  ids: Ids = "derived",
): Readonly<Record<string, unknown>> {
  const { template, ...rest } = logsTemplate();
  const { mappings } = template;
  const properties = withFields(mappings.properties, fields, ids);
  return {
    ...rest,
    template: { ...template, settings: loadProfile(layout), mappings: { ...mappings, properties } },
  };
}

const templateSchema = z.looseObject({
  template: z.looseObject({
    mappings: z.looseObject({ properties: z.record(z.string(), z.record(z.string(), z.unknown())) }),
  }),
});

function logsTemplate(): z.infer<typeof templateSchema> {
  return templateSchema.parse(JSON.parse(readTemplate("templates/index-templates/logs.json")));
}

/** Documents with one of the terms in a keyword field: clauses, of which a document fits at most one. */
function* clausesOf(field: string, terms: readonly string[]): Generator<estypes.QueryDslQueryContainer> {
  for (let at = 0; at < terms.length; at += TERMS_AT_ONCE) {
    yield { terms: { [field]: terms.slice(at, at + TERMS_AT_ONCE) } };
  }
}

/** A page of a composite aggregation over files. */
interface FilePage {
  readonly buckets: readonly {
    readonly key: { readonly file: string };
    readonly doc_count: number;
    readonly offsets: { readonly count: number; readonly min: number | null; readonly max: number | null };
  }[];
  readonly after_key?: { readonly file: string };
}

function joined(a: FileCount | undefined, b: FileCount): FileCount {
  if (!a) return b;
  const either = (pick: (...values: number[]) => number, x: number | null, y: number | null): number | null =>
    x === null || y === null ? (x ?? y) : pick(x, y);
  return {
    documents: a.documents + b.documents,
    placed: a.placed + b.placed,
    first: either(Math.min, a.first, b.first),
    last: either(Math.max, a.last, b.last),
  };
}

/** Of a month that stands there in several revisions. */
function ofOtherRevision({ pattern, revision }: IndexNaming): (index: string) => boolean {
  const revisionOf = revisionReader(pattern);
  return (index) => (revisionOf(index) ?? revision) !== revision;
}

/** @throws StoreError `ELASTICSEARCH_REFUSED`, retryable */
function byAllShards(what: string, { _shards: shards }: { readonly _shards?: { readonly failed: number } }): void {
  if (!shards?.failed) return;
  const failed = `${String(shards.failed)} shards did not answer`;
  throw new StoreError("ELASTICSEARCH_REFUSED", `Elasticsearch: ${what}: ${failed}`, { retryable: true });
}

function isMissing(error: unknown): boolean {
  return error instanceof errors.ResponseError && error.statusCode === 404;
}

export function createCluster(client: Client): Cluster {
  /** Waits until the primaries of a restored index are there. @throws StoreError `SNAPSHOT_DIFFERS` when they cannot be restored */
  const restored = async (index: string, signal: AbortSignal): Promise<void> => {
    for (;;) {
      const { indices } = await ask(`looking at ${index}`, () => client.cluster.health({ index, level: "indices" }));
      const health = indices?.[index];
      // The status is no help: a primary that is being restored makes it yellow.
      if (health && health.active_primary_shards >= health.number_of_shards) return;
      if (health?.initializing_shards === 0) {
        const { unassigned_info: why } = await ask(`asking why ${index} is not there`, () =>
          client.cluster.allocationExplain({ index, shard: 0, primary: true }),
        );
        if ((why?.failed_allocation_attempts ?? 0) > 0) {
          throw new StoreError(
            "SNAPSHOT_DIFFERS",
            `${index} cannot be restored from the snapshot: ${why?.details ?? why?.reason ?? "no reason given"}`,
          );
        }
      }
      await sleep(200, undefined, { signal });
    }
  };

  /** Deletes what a query finds, page by page: the slim distribution has no delete-by-query. */
  const deleteFound = async (
    indices: readonly string[],
    of: string,
    filter: estypes.QueryDslQueryContainer[],
  ): Promise<number> => {
    let deleted = 0;
    for (const index of requestsOf(indices)) {
      for (;;) {
        await cluster.refresh(index);
        const found = await ask(`looking for leftovers of ${of}`, () =>
          client.search({ index, size: 5000, _source: false, query: { bool: { filter } } }),
        );
        const hits = found.hits.hits;
        if (hits.length === 0) break;
        const operations = hits.map((hit) => ({ delete: { _index: hit._index, _id: hit._id ?? "" } }));
        const answer = await ask(`deleting leftovers of ${of}`, () => client.bulk({ operations }));
        const refused = answer.items.find((item) => item.delete?.error)?.delete;
        if (refused) {
          throw new StoreError(
            "ELASTICSEARCH_REFUSED",
            `Elasticsearch: deleting leftovers of ${of} from ${refused._index} failed: ${refused.error?.reason ?? refused.error?.type ?? String(refused.status)}`,
            { retryable: refused.status === 429 || refused.status >= 500, context: { status: refused.status } },
          );
        }
        deleted += hits.length;
      }
    }
    return deleted;
  };

  const cluster: Cluster = {
    restores: createRestores(client),

    async health() {
      const health = await ask("cluster health", () => client.cluster.health());
      return {
        status: health.status,
        dataNodes: health.number_of_data_nodes,
        relocatingShards: health.relocating_shards,
        unassignedShards: health.unassigned_shards,
      };
    },

    async exclude(names) {
      const wanted = [...names].sort().join(",");
      const settings = await ask("reading the cluster's settings", () =>
        client.cluster.getSettings({ flat_settings: true, filter_path: `persistent.${EXCLUDE}` }),
      );
      const now = (settings.persistent as Record<string, unknown> | undefined)?.[EXCLUDE];
      if ((now ?? "") !== wanted) {
        await ask(`excluding ${wanted || "no nodes"} from allocation`, () =>
          client.cluster.putSettings({ persistent: { [EXCLUDE]: wanted === "" ? null : wanted } }),
        );
      }
      const rows = await ask("counting the shards of each node", () =>
        client.cat.allocation({ format: "json", bytes: "b", h: "node,shards,disk.indices" }),
      );
      const nodes = new Map<string, { shards: number; bytes: number }>();
      for (const row of rows) {
        // A row of its own tells of shards that stand nowhere.
        if (row.node == null || row.node === "UNASSIGNED") continue;
        nodes.set(row.node, { shards: Number(row.shards ?? 0), bytes: Number(row["disk.indices"] ?? 0) });
      }
      const { status } = await cluster.health();
      return { nodes, excluded: new Set(names), primariesAssigned: status !== "red" };
    },

    async primaries(naming) {
      const answer: unknown = await ask<unknown>("looking at the primary shards", () =>
        client.cluster.state({ metric: "routing_table", index: indexWildcard(naming) }),
      );
      const { indices } = stateSchema.parse(answer).routing_table;
      const isOther = ofOtherRevision(naming);
      return Object.entries(indices).flatMap(([index, { shards }]) =>
        isOther(index)
          ? []
          : Object.values(shards)
              .flat()
              .filter(({ primary }) => primary)
              .map((shard): PrimarySight => ({ index, shard: shard.shard, state: primaryState(shard) })),
      );
    },

    async primariesByNode(naming) {
      const rows = await ask("looking where shards stand", () =>
        client.cat.shards({ index: indexWildcard(naming), format: "json", h: "prirep,node" }),
      );
      const held = new Map<string, number>();
      for (const { prirep, node } of rows) {
        // One that moves is told as "from -> address id to".
        const name = node?.split(" ")[0];
        if (prirep === "p" && name !== undefined) held.set(name, (held.get(name) ?? 0) + 1);
      }
      return held;
    },

    async allocateEmptyPrimaries(places) {
      if (places.length === 0) return;
      const what = `allocating ${String(places.length)} empty primaries`;
      try {
        await ask(what, () =>
          client.cluster.reroute({
            commands: places.map((place) => ({ allocate_empty_primary: { ...place, accept_data_loss: true } })),
            metric: "none",
          }),
        );
      } catch (error) {
        if (!(error instanceof StoreError) || error.context["status"] !== 400) throw error;
        // A node or a shard is not as it was a moment ago: to be looked at again.
        throw new StoreError(error.code, error.message, { retryable: true, cause: error });
      }
    },

    async prepare(naming, months, layout, fields, ids = "derived") {
      const template = loadingTemplate(layout, fields, ids);
      await ask("writing the index template", () =>
        client.indices.putIndexTemplate({
          name: TEMPLATE_NAME,
          index_patterns: [indexWildcard(naming)],
          priority: 500,
          ...template,
        }),
      );
      const names = months.flatMap((month) => indexNamesOf(naming, month));
      const existing = new Set(await cluster.indices(naming));
      // One at a time is slow, all at once floods the master's queue.
      const missing = names.filter((name) => !existing.has(name));
      for (let at = 0; at < missing.length; at += 8) {
        await Promise.all(
          missing.slice(at, at + 8).map((index) =>
            ask(`creating index ${index}`, async () => {
              try {
                await client.indices.create({ index, wait_for_active_shards: 1 });
              } catch (error) {
                const type = error instanceof errors.ResponseError ? error.message : "";
                if (!type.includes("resource_already_exists_exception")) throw error;
              }
            }),
          ),
        );
      }
      await checkProfile(client, missing, loadProfile(layout));
      await applyProfile(
        client,
        names.filter((name) => existing.has(name)),
        loadingProfile(layout),
      );
      return names;
    },

    async indices(naming) {
      const rows = await ask("listing indices", () =>
        client.cat.indices({ index: indexWildcard(naming), format: "json", h: "index" }),
      );
      const isOther = ofOtherRevision(naming);
      return rows
        .map((row) => row.index ?? "")
        .filter((index) => !isOther(index))
        .sort();
    },

    async refresh(indices) {
      for (const index of requestsOf(indices))
        byAllShards("refresh", await ask("refresh", () => client.indices.refresh({ index })));
    },

    async flush(indices) {
      for (const index of requestsOf(indices))
        byAllShards("flush", await ask("flush", () => client.indices.flush({ index })));
    },

    async counts(indices) {
      const counts: Record<string, number> = {};
      for (const index of indices) {
        counts[index] = (await ask(`counting ${index}`, () => client.count({ index }))).count;
      }
      return counts;
    },

    async countsByFile(indices, without = []) {
      const counts = new Map<string, FileCount>();
      for (const index of requestsOf(indices)) {
        let after: { file: string } | undefined;
        do {
          const answer = await ask("counting by file", () =>
            client.search<unknown, { files: FilePage }>({
              index,
              size: 0,
              allow_partial_search_results: false,
              query: { bool: { must_not: [...clausesOf(ATTEMPT_FIELD, without)] } },
              aggs: {
                files: {
                  composite: {
                    size: 1000,
                    sources: [{ file: { terms: { field: "file" } } }],
                    ...(after ? { after } : {}),
                  },
                  aggs: { offsets: { stats: { field: "offset" } } },
                },
              },
            }),
          );
          const files = answer.aggregations?.files;
          for (const { key, doc_count: documents, offsets } of files?.buckets ?? []) {
            const { count: placed, min: first, max: last } = offsets;
            counts.set(key.file, joined(counts.get(key.file), { documents, placed, first, last }));
          }
          after = files?.after_key;
        } while (after);
      }
      return counts;
    },

    async countsByRange(indices, file, ranges, without = []) {
      const counts = ranges.map(() => 0);
      for (const index of requestsOf(indices)) {
        for (let at = 0; at < ranges.length; at += RANGES) {
          const page = ranges.slice(at, at + RANGES);
          const answer = await ask(`counting ${file} by ranges`, () =>
            client.search<unknown, { ranges: { buckets: Record<string, { doc_count: number }> } }>({
              index,
              size: 0,
              allow_partial_search_results: false,
              query: { bool: { filter: [{ term: { file } }], must_not: [...clausesOf(ATTEMPT_FIELD, without)] } },
              // Keyed: an answer is sorted by the ranges' beginnings.
              aggs: {
                ranges: {
                  range: {
                    field: "offset",
                    keyed: true,
                    ranges: page.map(([from, to], i) => ({ key: String(at + i), from, to })),
                  },
                },
              },
            }),
          );
          for (const [key, { doc_count }] of Object.entries(answer.aggregations?.ranges.buckets ?? {})) {
            counts[Number(key)] = (counts[Number(key)] ?? 0) + doc_count;
          }
        }
      }
      return counts;
    },

    deleteRange: (indices, file, [from, to]) =>
      deleteFound(indices, file, [{ term: { file } }, { range: { offset: { gte: from, lt: to } } }]),

    async deleteFiles(indices, files) {
      let deleted = 0;
      for (const some of clausesOf("file", files))
        deleted += await deleteFound(indices, "files that are loaded again", [some]);
      return deleted;
    },

    async mapFields(indices, fields, ids) {
      const properties = withFields(logsTemplate().template.mappings.properties, fields, ids);
      for (const index of requestsOf(indices)) {
        await ask("mapping the fields of what is loaded", () => client.indices.putMapping({ index, properties }));
      }
    },

    async countByAttempts(indices, tags) {
      let count = 0;
      for (const filter of clausesOf(ATTEMPT_FIELD, tags)) {
        for (const index of requestsOf(indices)) {
          const what = "counting the documents of attempts that were not committed";
          const answer = await ask(what, () => client.count({ index, query: { bool: { filter } } }));
          byAllShards(what, answer);
          count += answer.count;
        }
      }
      return count;
    },

    async deleteByAttempts(indices, tags) {
      let deleted = 0;
      for (const some of clausesOf(ATTEMPT_FIELD, tags))
        deleted += await deleteFound(indices, "attempts that were not committed", [some]);
      return deleted;
    },

    async blockWrites(indices) {
      // For a block that is there already nothing is waited for, whoever set it and did not wait.
      await cluster.allowWrites(indices);
      for (const index of requestsOf(indices)) {
        const names = index.join(",");
        const answer = await ask("closing indices for writing", () =>
          client.indices.addBlock({ index: names, block: "write" }),
        );
        const open = answer.indices.find(({ blocked }) => !blocked);
        if (answer.acknowledged && answer.shards_acknowledged && !open) continue;
        throw new StoreError(
          "ELASTICSEARCH_REFUSED",
          `Elasticsearch: closing ${open?.name ?? names} for writing was not confirmed by every shard`,
          { retryable: true },
        );
      }
    },

    allowWrites: (indices) => applyProfile(client, indices, writeBlock(false)),

    async applyServingSettings(indices, dates) {
      await applyProfile(client, indices, SERVING_PROFILE);
      await startRetention(client, new Map([...dates].filter(([index]) => indices.includes(index))));
    },

    mergeSegments: (indices, segments, signal) => mergeSegments(client, indices, segments, signal),

    async registerRepository(name, location) {
      await ask(`registering the snapshot repository ${location}`, () =>
        client.snapshot.createRepository({
          name,
          verify: true,
          repository: { type: "fs", settings: { location, compress: true } },
        }),
      );
    },

    async snapshot(repository, name, indices, signal) {
      const state = async (): Promise<string | undefined> => {
        try {
          const answer = await client.snapshot.get({ repository, snapshot: name });
          return answer.snapshots?.[0]?.state;
        } catch (error) {
          if (isMissing(error)) return undefined;
          throw error;
        }
      };
      let now = await ask("looking for the snapshot", state);
      if (now !== undefined && now !== "SUCCESS" && now !== "IN_PROGRESS") {
        await ask(`removing the ${now} snapshot`, () => client.snapshot.delete({ repository, snapshot: name }));
        now = undefined;
      }
      if (now === undefined) {
        await ask("starting the snapshot", () =>
          client.snapshot.create({
            repository,
            snapshot: name,
            indices: [...indices],
            include_global_state: false,
            wait_for_completion: false,
          }),
        );
      }
      for (;;) {
        signal.throwIfAborted();
        const reached = await ask("asking for the snapshot's state", state);
        if (reached === "SUCCESS") return;
        if (reached !== "IN_PROGRESS") {
          throw new StoreError(
            "SNAPSHOT_FAILED",
            `the snapshot ${name} ended as ${reached ?? "missing"}; see Elasticsearch's log on the gateway, mend, then verify again`,
          );
        }
        await sleep(300, undefined, { signal });
      }
    },

    async deleteSnapshot(repository, name) {
      try {
        await client.snapshot.delete({ repository, snapshot: name });
      } catch (error) {
        if (!isMissing(error)) await ask(`removing the snapshot ${name}`, () => Promise.reject(error as Error));
      }
    },

    async restoredCount(repository, snapshot, index, signal) {
      const copy = `verify-${index}`;
      const remove = async (): Promise<void> => {
        await ask(`removing ${copy}`, () => client.indices.delete({ index: copy, ignore_unavailable: true }));
      };
      await remove();
      try {
        await ask(`restoring ${index}`, () =>
          client.snapshot.restore({
            repository,
            snapshot,
            indices: index,
            include_global_state: false,
            include_aliases: false,
            rename_pattern: "(.+)",
            rename_replacement: "verify-$1",
            index_settings: { "index.number_of_replicas": 0 },
            // A large index takes longer than any request may.
            wait_for_completion: false,
          }),
        );
        await restored(copy, signal);
        return (await ask(`counting ${copy}`, () => client.count({ index: copy }))).count;
      } finally {
        await remove();
      }
    },

    async nodeFigures() {
      const stats = await ask("node figures", () =>
        // A node that hangs must not keep the others' figures: history can do without one look.
        client.nodes.stats(
          { metric: ["indices", "jvm", "process", "thread_pool", "os", "fs"], timeout: "5s" },
          { requestTimeout: 10_000, maxRetries: 0 },
        ),
      );
      const figures: Record<string, NodeFigures> = {};
      for (const node of Object.values(stats.nodes)) {
        if (node.name === undefined) continue;
        // Linux alone; the client's types do not have it.
        const disk = (node.fs?.io_stats as { total?: { io_time_in_millis?: number } } | undefined)?.total
          ?.io_time_in_millis;
        const limit = cpuLimitOf(node.os?.cgroup?.cpu);
        const collectors = Object.values(node.jvm?.gc?.collectors ?? {});
        figures[node.name] = {
          documents: node.indices?.docs?.count ?? 0,
          storeBytes: Number(node.indices?.store?.size_in_bytes ?? 0),
          indexed: node.indices?.indexing?.index_total ?? 0,
          indexMillis: Number(node.indices?.indexing?.index_time_in_millis ?? 0),
          throttledMillis: Number(node.indices?.indexing?.throttle_time_in_millis ?? 0),
          mergeMillis: Number(node.indices?.merges?.total_time_in_millis ?? 0),
          mergesRunning: node.indices?.merges?.current ?? 0,
          gcMillis: collectors.reduce((sum, gc) => sum + Number(gc.collection_time_in_millis ?? 0), 0),
          heapPercent: Number(node.jvm?.mem?.heap_used_percent ?? 0),
          heapBytes: Number(node.jvm?.mem?.heap_max_in_bytes ?? 0),
          writeQueue: node.thread_pool?.["write"]?.queue ?? 0,
          writeActive: node.thread_pool?.["write"]?.active ?? 0,
          // The client's types leave out the CPU total, which the server has always sent.
          cpuMillis: Number((node.process?.cpu as { total_in_millis?: number } | undefined)?.total_in_millis ?? 0),
          hostCpuPercent: Number(node.os?.cpu?.percent ?? 0),
          ...(limit === undefined ? {} : { cpuLimit: limit }),
          ...(disk === undefined ? {} : { diskMillis: disk }),
        };
      }
      return figures;
    },

    async publish(months, revision) {
      const seen = await lookAtMonths(client, months);
      const free = seen.filter((month) => readRevisions(month).every((read) => read === revision));
      await swap(client, free, revision);
    },

    async storeBytes(indices) {
      let bytes = 0;
      for (const index of requestsOf(indices)) {
        const stats = await ask("store size", () => client.indices.stats({ index, metric: ["store"] }));
        bytes += Number(stats._all.primaries?.store?.size_in_bytes ?? 0);
      }
      return bytes;
    },
  };
  return cluster;
}
