import type { Client } from "@elastic/elasticsearch";
import { readPlan } from "../plan-file.ts";
import { renamed } from "../serving/restore-plan.ts";
import type { Restores } from "../serving/restores.ts";
import type { SavedMonth } from "../serving/saved-month.ts";
import { monthsOf } from "./published.ts";
import { swapTo, type Swapped } from "./swap-to.ts";

/**
 * Makes what was restored of a campaign, and compared with its ledger, the revision that is read.
 * @param options.alias template of the months' aliases
 * @param options.keep revisions that stay, this one among them
 * @param options.own the revision of the campaign whose cluster it is: it brings that back whenever it is gone
 * @throws StoreError as `swapTo`
 */
export async function publishRevision(
  client: Client,
  restores: Restores,
  month: SavedMonth,
  options: {
    readonly alias: string;
    readonly keep: number;
    readonly rename?: string | undefined;
    readonly own?: number | undefined;
  },
): Promise<Swapped> {
  const { months, pinned } = await readPlan(month.paths.plan);
  const { alias, keep, rename = "{index}", own } = options;
  const naming = monthsOf(renamed(rename, pinned.indexPattern), months, alias);
  return await swapTo(client, restores, naming, pinned.revision, { keep, kept: own === undefined ? [] : [own] });
}
