import { dirname } from "node:path";
import { ConfigError, StoreError } from "../../worker/contract/errors.ts";
import type { YearMonth } from "../../worker/contract/months.ts";
import type { Config } from "../config-schema.ts";
import { repositoryDir } from "../node-specs.ts";
import { statePaths } from "../paths.ts";
import type { AgainMode } from "./again.ts";
import { campaignsOf, earlierLoad, type EarlierLoad, type MonthCampaign } from "./earlier.ts";

/** What a new load of some months stands on. */
export interface RevisionBase {
  /** Number of the new revision. */
  readonly revision: number;
  /** The last load of these months; absent when there is none, or none is to be taken into account. */
  readonly earlier?: EarlierLoad;
}

/**
 * Looks what was loaded of these months, by the campaigns of the state directory.
 * @param mode `none`: nothing that was loaded is loaded again
 * @throws ConfigError `MONTH_LOADED`; StoreError `REPOSITORY_UNSEEN` when the nodes of this configuration would not see the earlier snapshot
 */
export async function revisionBase(
  config: Config & { readonly stateDir: string },
  months: readonly YearMonth[],
  mode: AgainMode | "none",
): Promise<RevisionBase> {
  const { revision, indexPattern } = config.plan;
  const campaigns = await campaignsOf(config.stateDir, months);
  const saved = campaigns.filter(({ isSaved }) => isSaved);
  if (mode === "none") {
    const same = saved.findLast(
      ({ record, revision: its }) => its === revision && record.config.plan.indexPattern === indexPattern,
    );
    if (same) throw loaded(same);
    return { revision };
  }
  // Nor is the number of one that goes on, or has failed, used again.
  const next = Math.max(revision, ...campaigns.map((campaign) => campaign.revision + 1));
  const last = saved.findLast(({ record }) => record.months.join() === months.join());
  if (last) {
    const earlier = await earlierLoad(config.stateDir, last.record.id);
    if (mode !== "all") refuseOtherPlace(config, earlier);
    return { revision: next, earlier };
  }
  const [other] = saved;
  if (other && mode !== "all") {
    const { id, months: together } = other.record;
    throw new ConfigError(
      "MONTH_LOADED",
      `campaign ${id} has loaded ${together.join(", ")} together; load the same months again (--month ${together[0] ?? ""}..${together.at(-1) ?? ""}), or all of this one with --again all`,
    );
  }
  return { revision: next };
}

function loaded({ record, revision }: MonthCampaign): ConfigError {
  return new ConfigError(
    "MONTH_LOADED",
    `campaign ${record.id} has loaded ${record.months.join(", ")} as revision ${String(revision)}; \`--again missing\` loads what it lacks as a new revision beside it, \`failed\`, \`changed-parser\` and \`all\` as they say, and \`gridharvest serve ${record.id} --until TIME\` brings it back as it is`,
    { context: { campaign: record.id } },
  );
}

/** Nodes read only what lies below the directory that they are told at their start. */
function refuseOtherPlace(config: Config & { readonly stateDir: string }, { campaign, repository }: EarlierLoad): void {
  const seen = repositoryDir(config, statePaths(config.stateDir));
  if (dirname(repository) === seen) return;
  throw new StoreError(
    "REPOSITORY_UNSEEN",
    `the snapshot of campaign ${campaign} is in ${repository}, and the nodes of a new one see ${seen} only; set snapshot.repository to ${dirname(repository)}, or load all of the month with --again all`,
  );
}
