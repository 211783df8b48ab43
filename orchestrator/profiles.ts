import { indexedDays, daysInMonth, type YearMonth } from "../worker/contract/months.ts";
import { indexName, type IndexNaming } from "../worker/contract/index-names.ts";
import type { Config } from "./config-schema.ts";

/**
 * What an index is set to while it is loaded, and while it is searched: the one table of both. Pure. They are applied by `cluster.ts`, and then
 * read back: what Elasticsearch has made of them is compared with what is written here.
 */

/** How documents are kept: what the configuration says below `elasticsearch.index`. */
export type IndexChoice = Config["elasticsearch"]["index"];

/** What has always been. */
export const DEFAULT_CHOICE: IndexChoice = { mode: "standard", source: "stored", codec: "best_compression" };

/** Settings by their full names, as Elasticsearch tells them with `flat_settings`; null takes one away. */
export type Profile = Readonly<Record<string, string | number | boolean | readonly string[] | null>>;

/** How each index is spread over the data nodes, and how it keeps its documents. */
export interface ShardLayout {
  readonly shards: number;
  /** Copies of each shard beside the first. */
  readonly replicas: number;
  /** `DEFAULT_CHOICE` when absent. */
  readonly index?: IndexChoice;
}

/**
 * While it is loaded. Nobody searches, so nothing is refreshed; a bulk that was answered is on the disk (`request`), since the ledger counts on it.
 * Threads of merges stay those that Elasticsearch gives a node of its cores.
 */
export function loadProfile(layout: ShardLayout): Profile {
  const { shards, index = DEFAULT_CHOICE } = layout;
  return {
    "index.number_of_shards": shards,
    ...loadingProfile(layout),
    "index.codec": index.codec,
    ...(index.mode === "logsdb" ? LOGSDB : {}),
    ...(index.mode === "logsdb" || index.source === "synthetic" ? { "index.mapping.source.mode": index.source } : {}),
    // Without it a list comes back in another order, and what is twice in it once.
    ...(index.source === "synthetic" ? { "index.mapping.synthetic_source_keep": "arrays" } : {}),
  };
}

/** What of it an index that is there takes: one of an earlier attempt, or of an earlier revision, has its shards and keeps its documents as it does. */
export function loadingProfile({ replicas }: Pick<ShardLayout, "replicas">): Profile {
  return {
    "index.number_of_replicas": replicas,
    "index.refresh_interval": "-1",
    "index.translog.durability": "request",
    "index.translog.flush_threshold_size": "1gb",
  };
}

/** @source Elasticsearch reference, "Logs data stream": what the mode sets by itself and what it does not */
const LOGSDB: Profile = {
  "index.mode": "logsdb",
  // Lines of one host are alike; the mode's own default asks for a field host.name.
  "index.sort.field": ["host", "@timestamp"],
  "index.sort.order": ["asc", "asc"],
  // As in the other mode: a value that does not fit its field is rejected, and told.
  "index.mapping.ignore_malformed": false,
};

/** While it is searched, and as it is saved: what is deleted or added by hand is seen within a second. */
export const SERVING_PROFILE: Profile = { "index.refresh_interval": "1s" };

/** Closed for writing, or not. */
export function writeBlock(isClosed: boolean): Profile {
  return { "index.blocks.write": isClosed };
}

/**
 * Copies while a cluster serves: as many as there are further data nodes, up to this. Expanded by Elasticsearch itself: a copy that no node can
 * take would keep a data node from ever being emptied.
 */
export function copiesProfile(most: number): Profile {
  return most > 0
    ? { "index.auto_expand_replicas": `0-${String(most)}` }
    : { "index.auto_expand_replicas": false, "index.number_of_replicas": 0 };
}

/** From when lifecycle management counts an index's age; without it that is when the month was loaded, years later. */
export const RETENTION_CLOCK = "index.lifecycle.origination_date";

/**
 * When the day of each index began, in milliseconds since 1970; of what lies outside its month, when that month's last day did.
 */
export function originationDates(naming: IndexNaming, months: readonly YearMonth[]): ReadonlyMap<string, number> {
  const dates = new Map<string, number>();
  for (const month of months) {
    for (const day of indexedDays(month)) dates.set(indexName(naming, month, day), Date.parse(day));
    const last = `${month}-${String(daysInMonth(month))}`;
    dates.set(indexName(naming, month, "outside"), Date.parse(last));
  }
  return dates;
}

/** A setting that is not what it was set to. */
export interface SettingDifference {
  readonly setting: string;
  readonly wanted: string;
  /** Absent when there is none. */
  readonly found?: string;
}

/**
 * What of a profile an index does not have.
 * @param found the index's settings, flat; those that the profile does not name are Elasticsearch's own
 */
export function differencesFrom(
  profile: Profile,
  found: Readonly<Record<string, unknown>>,
): readonly SettingDifference[] {
  return Object.entries(profile).flatMap(([setting, value]) => {
    const wanted = value === null ? undefined : textOf(value);
    const there = found[setting] === undefined ? undefined : textOf(found[setting]);
    // A block that was never set is none.
    if (wanted === there || (wanted === "false" && there === undefined)) return [];
    return [{ setting, wanted: wanted ?? "none", ...(there === undefined ? {} : { found: there }) }];
  });
}

/** Elasticsearch tells every value as text. */
function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}

/** Elasticsearch's module that knows licences of synthetic sources: where it is, its word holds; the slim distribution lacks it. */
const LICENSED_BY = "x-pack-logsdb";

/**
 * Why nodes of a distribution with these modules would not keep documents so; undefined when they do. A campaign's own cluster has the basic licence,
 * with which Elasticsearch stores sources that are to be synthetic, and says nothing.
 * @source Elasticsearch subscriptions: logsdb is part of Basic, synthetic _source of Enterprise
 */
export function choiceProblem(choice: IndexChoice, modules: readonly string[]): string | undefined {
  if (choice.source !== "synthetic" || !modules.includes(LICENSED_BY)) return undefined;
  return "elasticsearch.index.source is synthetic, which this distribution does with an Enterprise licence only, and a campaign's cluster has the basic one: it would store sources all the same. Write source: stored";
}
