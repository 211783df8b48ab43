import type { LedgerRow } from "../../worker/contract/ledger.ts";
import type { YearMonth } from "../../worker/contract/months.ts";
import { campaignIds, loadCampaign, type CampaignRecord } from "../campaign-store.ts";
import type { FileProblem } from "../file-problems.ts";
import { isExported, readLedger } from "../ledger-export.ts";
import type { CampaignPaths } from "../paths.ts";
import type { Plan } from "../plan.ts";
import { readPlan } from "../plan-file.ts";
import { readManifest } from "../proof/manifest.ts";
import { savedMonth } from "../serving/saved-month.ts";
import { readReport } from "../status.ts";

/** A campaign that has loaded a month and saved it, as a later revision needs to know it. */
export interface EarlierLoad {
  readonly campaign: string;
  readonly paths: CampaignPaths;
  readonly plan: Plan;
  readonly rows: readonly LedgerRow[];
  readonly snapshot: string;
  readonly repository: string;
  /** Files that it has not loaded whole. */
  readonly problems: readonly Pick<FileProblem, "path">[];
  /** Length after decompression of those that it has loaded whole, by path. */
  readonly lengths: ReadonlyMap<string, number>;
  readonly indexBytesPerDocument: number;
}

/** A campaign of a month, by its directory alone. */
export interface MonthCampaign {
  readonly record: CampaignRecord;
  readonly revision: number;
  /** Whether it has saved what it has loaded, and that was verified. */
  readonly isSaved: boolean;
}

/** Campaigns that load one of the months or have loaded it, oldest first. What cannot be read is passed over: nothing can be built upon it. */
export async function campaignsOf(stateDir: string, months: readonly YearMonth[]): Promise<readonly MonthCampaign[]> {
  const campaigns: MonthCampaign[] = [];
  for (const id of await campaignIds(stateDir)) {
    const loaded = await loadCampaign(stateDir, id).catch(() => undefined);
    if (!loaded || loaded.record.serves || !loaded.record.months.some((one) => months.includes(one))) continue;
    const { record, paths } = loaded;
    const isSaved = (await readReport(paths.reportJson))?.snapshot?.verified === true && (await isExported(paths));
    campaigns.push({ record, revision: record.config.plan.revision, isSaved });
  }
  return campaigns.sort((a, b) => a.record.createdAt - b.record.createdAt);
}

/** The load of a campaign, with all that a later revision needs of it. Of one without a manifest nobody knows which files it has loaded whole. @throws as {@link savedMonth} and {@link readPlan}; StoreError `MANIFEST_DAMAGED` */
export async function earlierLoad(stateDir: string, campaign: string): Promise<EarlierLoad> {
  const { paths, snapshot, repository } = await savedMonth(stateDir, campaign);
  const manifest = await readManifest(paths.manifest);
  const report = await readReport(paths.reportJson);
  const lengths = (manifest?.files ?? []).flatMap(({ path, length }) =>
    length === undefined ? [] : [[path, length] as const],
  );
  return {
    ...{ campaign, paths, snapshot, repository },
    plan: await readPlan(paths.plan),
    rows: await readLedger(paths.ledger),
    problems: report?.fileProblems ?? [],
    lengths: new Map(lengths),
    indexBytesPerDocument: report?.indexBytesPerDocument ?? 0,
  };
}
