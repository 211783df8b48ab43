import type { Client } from "@elastic/elasticsearch";
import { StoreError } from "../worker/contract/errors.ts";
import { pause } from "../worker/contract/pause.ts";
import { ask, requestsOf } from "./ask-elasticsearch.ts";
import { inTurn } from "./in-turn.ts";
import { differencesFrom, RETENTION_CLOCK, type Profile } from "./profiles.ts";

/** Setting indices to what `profiles.ts` says, and looking whether they are. */

/**
 * Reads the settings of indices back.
 * @throws StoreError `SETTINGS_NOT_TAKEN` naming each that is another
 */
export async function checkProfile(client: Client, indices: readonly string[], profile: Profile): Promise<void> {
  const problems: string[] = [];
  for (const index of requestsOf(indices)) {
    const answer = await ask("reading the settings of indices", () =>
      client.indices.getSettings({ index, flat_settings: true }),
    );
    for (const name of index) {
      const found = (answer[name]?.settings ?? {}) as Readonly<Record<string, unknown>>;
      for (const { setting, wanted, found: there } of differencesFrom(profile, found)) {
        problems.push(`${name}: ${setting} is ${there ?? "not set"} and was set to ${wanted}`);
      }
    }
  }
  if (problems.length === 0) return;
  const more = problems.length > 5 ? `; and ${String(problems.length - 5)} more` : "";
  throw new StoreError(
    "SETTINGS_NOT_TAKEN",
    `Elasticsearch did not take settings of indices: ${problems.slice(0, 5).join("; ")}${more}. See whether its licence allows them, and whether somebody else changes them (index templates, other programs)`,
  );
}

/** Sets indices that are there, then reads the settings back. @throws StoreError `SETTINGS_NOT_TAKEN`, `ELASTICSEARCH_REFUSED` */
export async function applyProfile(client: Client, indices: readonly string[], profile: Profile): Promise<void> {
  for (const index of requestsOf(indices)) {
    await ask(`setting ${Object.keys(profile).join(", ")}`, () =>
      client.indices.putSettings({ index, settings: profile }),
    );
  }
  await checkProfile(client, indices, profile);
}

/** A setting that this Elasticsearch does not know, or will not have. */
function isRefused(error: unknown): boolean {
  return error instanceof StoreError && error.context["status"] === 400;
}

/**
 * Lets lifecycle management count the age of indices from these dates. A cluster that knows no such setting has no lifecycle management, and nothing
 * is lost with it.
 * @returns whether the cluster took them
 */
export async function startRetention(client: Client, dates: ReadonlyMap<string, number>): Promise<boolean> {
  let isKnown = true;
  // Together, since the master makes one change of those that come at once; not all, which would fill its queue.
  await inTurn([...dates], 8, async ([index, date]) => {
    try {
      if (!isKnown) return;
      await ask(`setting ${RETENTION_CLOCK} of ${index}`, () =>
        client.indices.putSettings({ index, settings: { [RETENTION_CLOCK]: date } }),
      );
    } catch (error) {
      if (!isRefused(error)) throw error;
      isKnown = false;
    }
  });
  return isKnown;
}

const LOOK_MS = 500;
/** A merge that was asked for and does not begin within this is asked for again: the node that should do it may have gone. */
const AGAIN_MS = 60_000;

/**
 * Merges every shard into at most so many segments, however long it takes. What goes on is seen by the segments alone, so it may be called
 * again by whoever takes over.
 */
export async function mergeSegments(
  client: Client,
  indices: readonly string[],
  segments: number,
  signal: AbortSignal,
): Promise<void> {
  let left = indices;
  let askedAt = -Infinity;
  for (;;) {
    signal.throwIfAborted();
    const many: string[] = [];
    for (const index of requestsOf(left)) many.push(...(await withMoreSegments(client, index, segments)));
    left = many;
    if (left.length === 0) return;
    if (Date.now() - askedAt > AGAIN_MS && !(await isMerging(client, left))) {
      askedAt = Date.now();
      for (const index of requestsOf(left)) {
        await ask("merging segments", () =>
          client.indices.forcemerge({ index, max_num_segments: segments, wait_for_completion: false }),
        );
      }
    }
    await pause(LOOK_MS, signal);
  }
}

async function withMoreSegments(client: Client, index: string[], segments: number): Promise<readonly string[]> {
  const answer = await ask("counting segments", () => client.indices.segments({ index }));
  return Object.entries(answer.indices).flatMap(([name, { shards }]) => {
    const copies = Object.values(shards).flat();
    return copies.some((copy) => copy.num_search_segments > segments) ? [name] : [];
  });
}

async function isMerging(client: Client, indices: readonly string[]): Promise<boolean> {
  for (const index of requestsOf(indices)) {
    const { _all } = await ask("looking at merges", () => client.indices.stats({ index, metric: ["merge"] }));
    if ((_all.total?.merges?.current ?? 0) > 0) return true;
  }
  return false;
}

/**
 * Until everything can be searched and stands on the disk, and no merge runs: what is not on the disk yet has no size. For a cluster that nobody else
 * writes to.
 */
export async function settle(client: Client, indices: readonly string[], signal: AbortSignal): Promise<void> {
  for (const index of requestsOf(indices)) {
    await ask("refresh", () => client.indices.refresh({ index }));
    await ask("flush", () => client.indices.flush({ index }));
  }
  while (await isMerging(client, indices)) await pause(LOOK_MS, signal);
}

/** Bytes of all segments. The size that Elasticsearch tells of an index may be ten seconds old. @source Elasticsearch, `index.store.stats_refresh_interval` */
export async function segmentBytes(client: Client, indices: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const index of requestsOf(indices)) {
    const rows = await ask("looking at segments", () =>
      client.cat.segments({ index, format: "json", bytes: "b", h: "size,searchable" }),
    );
    for (const { size, searchable } of rows) if (searchable !== "false") bytes += Number(size ?? 0);
  }
  return bytes;
}
