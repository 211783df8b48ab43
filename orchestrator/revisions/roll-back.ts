import type { Client } from "@elastic/elasticsearch";
import { StoreError } from "../../worker/contract/errors.ts";
import { countDifferences } from "../serving/restore-plan.ts";
import type { Restores } from "../serving/restores.ts";
import type { SavedRevision } from "./list-revisions.ts";
import { lookAtMonths, readRevisions, type MonthNaming } from "./published.ts";
import { swapTo, type Swapped } from "./swap-to.ts";

/** A revision as it stands in a cluster. */
export interface StandingRevision {
  readonly revision: number;
  readonly indices: number;
  /** Absent when one of them cannot be counted. */
  readonly documents?: number;
  /** Whether the month's alias leads to it. */
  readonly read: boolean;
}

/** The revisions of a month in a cluster, the lowest first. */
export async function standingRevisions(
  client: Client,
  restores: Pick<Restores, "counts">,
  naming: MonthNaming,
): Promise<readonly StandingRevision[]> {
  const [month] = await lookAtMonths(client, [naming]);
  if (!month) return [];
  const isRead = readRevisions(month);
  return await Promise.all(
    [...month.revisions].map(async ([revision, indices]) => {
      const counts = [...(await restores.counts(indices)).values()];
      const isCounted = counts.every((count) => count !== undefined);
      const documents = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
      return {
        ...{ revision, indices: indices.length, read: isRead.includes(revision) },
        ...(isCounted ? { documents } : {}),
      };
    }),
  );
}

/**
 * Makes another revision that stands in the cluster the one that is read, in one step; nothing is removed.
 * @param wanted absent: the one before the one that is read now
 * @param saved what campaigns say of the revisions; the counts of one that is among them are compared before
 * @throws StoreError `REVISION_UNKNOWN`, `NOT_RECONCILED`
 */
export async function rollBack(
  client: Client,
  restores: Pick<Restores, "counts" | "remove">,
  naming: MonthNaming,
  wanted: number | undefined,
  saved: readonly SavedRevision[],
): Promise<Swapped> {
  const there = await standingRevisions(client, restores, naming);
  const now = there.findLast(({ read }) => read)?.revision ?? Infinity;
  const target = wanted ?? there.findLast(({ revision }) => revision < now)?.revision;
  if (target === undefined) {
    throw new StoreError(
      "REVISION_UNKNOWN",
      `no revision of ${naming.month} stands there before the one that is read (${there.map(({ revision }) => revision).join(", ") || "none"} stand there); \`restore-into\` brings an earlier one back from its snapshot, with --swap`,
    );
  }
  const claims = saved.filter(({ revision, months }) => revision === target && months.includes(naming.month));
  const [month] = await lookAtMonths(client, [naming]);
  const counts = await restores.counts(month?.revisions.get(target) ?? []);
  const differences = claims.map(({ perIndex }) =>
    countDifferences(new Map([...counts.keys()].map((index) => [index, perIndex[index] ?? 0])), counts),
  );
  // Of several loads of one number any may be the one that stands there.
  if (differences.length > 0 && differences.every((some) => some.length > 0)) {
    throw new StoreError(
      "NOT_RECONCILED",
      `revision ${String(target)} of ${naming.month} is not what its campaign has loaded, so it stays unread: ${differences[0]?.slice(0, 5).join("; ") ?? ""}; \`restore-into\` with --replace and --swap brings it back from its snapshot`,
    );
  }
  return await swapTo(client, restores, [naming], target, {});
}
