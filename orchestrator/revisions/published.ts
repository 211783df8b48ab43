import type { Client } from "@elastic/elasticsearch";
import { indexNamesOf, revisionReader, revisionsWildcard } from "../../worker/contract/index-names.ts";
import type { YearMonth } from "../../worker/contract/months.ts";
import { ask } from "../ask-elasticsearch.ts";

/**
 * Which revision of a month is read: that whose indices have the month's alias. One request moves it, and Elasticsearch carries
 * that out in one step, so a search sees one revision or the other. Nothing else remembers it.
 */

/** A month in a cluster, in all its revisions. */
export interface MonthNaming {
  readonly month: YearMonth;
  /** Pattern of the indices' names. */
  readonly pattern: string;
  readonly alias: string;
}

/** What stands of a month. */
export interface MonthSight extends MonthNaming {
  /** Indices by revision, the lowest first. */
  readonly revisions: ReadonlyMap<number, readonly string[]>;
  /** Indices of it that have the alias. */
  readonly read: readonly string[];
}

/** The name of a month's alias. */
export function aliasOf(template: string, month: YearMonth): string {
  return template.replaceAll("{month}", month.replaceAll("-", "."));
}

/** The revisions that have the alias: one, unless somebody else has moved it. */
export function readRevisions({ revisions, read }: Pick<MonthSight, "revisions" | "read">): readonly number[] {
  const isRead = new Set(read);
  return [...revisions].filter(([, indices]) => indices.some((index) => isRead.has(index))).map(([n]) => n);
}

/** Indices that a whole month has in this revision and that are not there. */
export function lacking({ revisions, month, pattern }: MonthSight, revision: number): readonly string[] {
  const there = new Set(revisions.get(revision));
  return indexNamesOf({ pattern, revision }, month).filter((index) => !there.has(index));
}

/** One action of a request that moves aliases. */
export type AliasAction =
  | { readonly add: { readonly index: string; readonly alias: string } }
  | { readonly remove: { readonly index: string; readonly alias: string } };

/** What makes this revision the one that is read, of all the months at once; nothing when it is already. Other indices that have an alias keep it. */
export function swapActions(months: readonly MonthSight[], revision: number): readonly AliasAction[] {
  return months.flatMap(({ alias, revisions, read }) => {
    const [now, next] = [new Set(read), new Set(revisions.get(revision))];
    return [
      ...[...now].filter((index) => !next.has(index)).map((index) => ({ remove: { index, alias } })),
      ...[...next].filter((index) => !now.has(index)).map((index) => ({ add: { index, alias } })),
    ];
  });
}

/**
 * Revisions to remove when another one takes its place: all but that one, the one that was read before it, and then the latest, `keep` in all.
 * @param kept revisions that stay in any case
 */
export function outdated(
  there: Iterable<number>,
  now: number,
  before: readonly number[],
  keep: number,
  kept: readonly number[] = [],
): readonly number[] {
  const others = [...new Set(there)].filter((n) => n !== now).sort((a, b) => b - a);
  const first = others.filter((n) => before.includes(n));
  return [...first, ...others.filter((n) => !before.includes(n))].slice(keep - 1).filter((n) => !kept.includes(n));
}

/** Looks at the months of a cluster. @throws StoreError `ELASTICSEARCH_REFUSED` */
export async function lookAtMonths(client: Client, months: readonly MonthNaming[]): Promise<readonly MonthSight[]> {
  return await Promise.all(
    months.map(async (naming) => {
      const { month, pattern, alias } = naming;
      const answer = await ask(`looking for the revisions of ${month}`, () =>
        client.indices.getAlias({
          index: revisionsWildcard(pattern, month),
          expand_wildcards: "open",
          allow_no_indices: true,
        }),
      );
      const revisionOf = revisionReader(pattern);
      const read: string[] = [];
      const revisions = new Map<number, string[]>();
      for (const [index, { aliases }] of Object.entries(answer).sort()) {
        const revision = revisionOf(index);
        if (revision === undefined) continue;
        revisions.set(revision, [...(revisions.get(revision) ?? []), index]);
        if (alias in aliases) read.push(index);
      }
      return { ...naming, revisions: new Map([...revisions].sort(([a], [b]) => a - b)), read };
    }),
  );
}

/** Moves the aliases of all months in one step. */
export async function swap(client: Client, months: readonly MonthSight[], revision: number): Promise<void> {
  const actions = swapActions(months, revision);
  if (actions.length === 0) return;
  await ask(`making revision ${String(revision)} the one that is read`, () =>
    client.indices.updateAliases({ actions: [...actions] }),
  );
}

/** The months of a campaign in whatever cluster they are. */
export function monthsOf(pattern: string, months: readonly YearMonth[], alias: string): readonly MonthNaming[] {
  return months.map((month) => ({ month, pattern, alias: aliasOf(alias, month) }));
}
