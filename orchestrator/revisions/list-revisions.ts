import type { YearMonth } from "../../worker/contract/months.ts";
import type { AgainMode } from "./again.ts";
import { savedMonth } from "../serving/saved-month.ts";
import { readReport } from "../status.ts";
import { campaignsOf } from "./earlier.ts";

/** A revision of a month, by the campaign that has loaded and saved it. */
export interface SavedRevision {
  readonly revision: number;
  readonly campaign: string;
  readonly months: readonly YearMonth[];
  readonly createdAt: string;
  readonly documents: number;
  /** Of one that goes on from an earlier one: which, and how. */
  readonly again?: { readonly mode: AgainMode; readonly of: string; readonly carried: number };
  readonly snapshot: string;
  readonly perIndex: Readonly<Record<string, number>>;
}

/** The revisions of a month that campaigns of this state directory have saved, oldest first. */
export async function savedRevisions(stateDir: string, month: YearMonth): Promise<readonly SavedRevision[]> {
  const saved = (await campaignsOf(stateDir, [month])).filter(({ isSaved }) => isSaved);
  return await Promise.all(
    saved.map(async ({ record, revision }) => {
      const { snapshot, perIndex, paths } = await savedMonth(stateDir, record.id);
      const { again } = (await readReport(paths.reportJson)) ?? {};
      return {
        ...{ revision, campaign: record.id, months: record.months },
        createdAt: new Date(record.createdAt).toISOString(),
        documents: Object.values(perIndex).reduce((sum, n) => sum + n, 0),
        ...(again ? { again: { mode: again.mode, of: again.of, carried: again.documents } } : {}),
        ...{ snapshot, perIndex },
      };
    }),
  );
}
