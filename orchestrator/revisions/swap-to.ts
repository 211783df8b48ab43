import type { Client } from "@elastic/elasticsearch";
import { StoreError } from "../../worker/contract/errors.ts";
import type { Restores } from "../serving/restores.ts";
import {
  lacking,
  lookAtMonths,
  outdated,
  readRevisions,
  swap,
  type MonthNaming,
  type MonthSight,
} from "./published.ts";

/** What a swap has done. */
export interface Swapped {
  readonly revision: number;
  /** Revisions that were read before. */
  readonly before: readonly number[];
  readonly removed: readonly number[];
  /** Revisions that stand there now. */
  readonly kept: readonly number[];
}

/**
 * Makes a revision that stands in the cluster, and whose counts somebody has checked, the one that is read, and removes what is outdated. Each step goes by
 * what stands there, so whoever was interrupted does it again: what is not to stay goes while the earlier revision is read still, that one itself, if it is not to
 * stay, when it is read no more.
 * @param options.keep revisions that stay, this one among them; absent: all
 * @param options.kept revisions that stay in any case
 * @throws StoreError `REVISION_UNKNOWN` when it does not stand there whole
 */
export async function swapTo(
  client: Client,
  restores: Pick<Restores, "remove">,
  naming: readonly MonthNaming[],
  revision: number,
  options: { readonly keep?: number; readonly kept?: readonly number[] },
): Promise<Swapped> {
  const months = await lookAtMonths(client, naming);
  for (const month of months) refuseIncomplete(month, revision);
  const there = [...new Set(months.flatMap(({ revisions }) => [...revisions.keys()]))].sort((a, b) => a - b);
  const before = [...new Set(months.flatMap(readRevisions))].filter((n) => n !== revision);
  const { keep = Infinity, kept } = options;
  const removed = outdated(there, revision, before, keep, kept);
  const remove = async (which: readonly number[]): Promise<void> => {
    const indices = months.flatMap(({ revisions }) => which.flatMap((n) => revisions.get(n) ?? []));
    await restores.remove(indices);
  };
  await remove(removed.filter((n) => !before.includes(n)));
  await swap(client, months, revision);
  await remove(removed.filter((n) => before.includes(n)));
  return { revision, before, removed, kept: there.filter((n) => !removed.includes(n)) };
}

function refuseIncomplete(month: MonthSight, revision: number): void {
  const missing = lacking(month, revision);
  if (missing.length === 0) return;
  const there = [...month.revisions.keys()].join(", ") || "none";
  throw new StoreError(
    "REVISION_UNKNOWN",
    `revision ${String(revision)} of ${month.month} does not stand there whole: ${missing.slice(0, 3).join(", ")}${missing.length > 3 ? ` and ${String(missing.length - 3)} more indices` : ""} are missing (revisions there: ${there}); \`gridharvest revisions ${month.month}\` names its campaign, and \`restore-into\` brings it back with --swap`,
  );
}
