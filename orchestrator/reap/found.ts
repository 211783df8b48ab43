import type { JobStatus } from "../../pbs/batch-system.ts";
import { ConfigError, GridError } from "../../worker/contract/errors.ts";
import { isFinal, type CampaignState } from "../campaign.ts";
import { readJobName } from "../node-specs.ts";

/**
 * Jobs of campaigns as the batch system tells of them: job names hold the campaign's tag, so nothing else is needed to find
 * them. Pure.
 */

/** A job of a campaign that has not ended. */
export interface FoundJob {
  readonly id: string;
  readonly name: string;
  readonly state: JobStatus["state"];
  readonly hosts: readonly string[];
  /** Since when it runs, or waits; epoch milliseconds. */
  readonly since?: number;
}

/** What the campaign directories and Redis know of a campaign. */
export interface KnownCampaign {
  readonly id: string;
  /** Absent where only Redis knows it. */
  readonly state?: CampaignState;
  readonly hasOrchestrator: boolean;
}

/**
 * Who looks after a campaign's jobs. `living`: an orchestrator. `gone`: its orchestrator has gone and somebody could adopt it. `over`: nobody, it
 * has ended. `unknown`: neither a directory nor Redis knows it here, so somebody elsewhere may.
 */
export type Owner = "living" | "gone" | "over" | "unknown";

export interface FoundCampaign {
  readonly tag: string;
  /** Its id, where somebody knows it. */
  readonly campaign?: string;
  readonly state?: CampaignState;
  readonly owner: Owner;
  readonly jobs: readonly FoundJob[];
}

export function ownerOf(known: KnownCampaign | undefined): Owner {
  if (!known) return "unknown";
  if (known.state !== undefined && isFinal(known.state)) return "over";
  return known.hasOrchestrator ? "living" : "gone";
}

/** The user's own jobs of campaigns that have not ended, by tag. A job whose owner is not told is nobody's to end. */
export function jobsByTag(jobs: readonly JobStatus[], user: string): ReadonlyMap<string, readonly FoundJob[]> {
  const found = new Map<string, FoundJob[]>();
  for (const { id, name, owner, state, hosts, startedAt, queuedAt } of jobs) {
    const tag = readJobName(name)?.tag;
    if (tag === undefined || owner !== user || state === "finished") continue;
    const since = startedAt ?? queuedAt;
    const all = found.get(tag) ?? [];
    all.push({ id, name, state, hosts, ...(since === undefined ? {} : { since }) });
    found.set(tag, all);
  }
  return found;
}

export function foundCampaigns(
  jobs: ReadonlyMap<string, readonly FoundJob[]>,
  known: ReadonlyMap<string, KnownCampaign>,
): readonly FoundCampaign[] {
  return [...jobs]
    .map(([tag, its]): FoundCampaign => {
      const campaign = known.get(tag);
      return {
        tag,
        ...(campaign === undefined ? {} : { campaign: campaign.id }),
        ...(campaign?.state === undefined ? {} : { state: campaign.state }),
        owner: ownerOf(campaign),
        jobs: its,
      };
    })
    .sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

/** Whose jobs shall end: those of one campaign, named by its id or tag, or all that nobody looks after. */
export type Choice = { readonly campaign: string } | { readonly all: true };

/** An id that was made of months and the tag. */
const MADE_ID = /^\d{4}-\d{2}(?:-to-\d{4}-\d{2})?-([a-z0-9]{5})$/;
const TAG = /^[a-z0-9]{5}$/;

/**
 * The tags that are meant.
 * @param known by tag, also those without jobs
 * @throws ConfigError `CAMPAIGN_UNKNOWN` when no tag follows from the word; GridError `CAMPAIGN_OWNED` when it is a tag and an orchestrator is
 *   alive: who means that must say so by the id
 */
export function chooseTags(
  choice: Choice,
  found: readonly FoundCampaign[],
  known: ReadonlyMap<string, KnownCampaign>,
): ReadonlySet<string> {
  if ("all" in choice) {
    return new Set(found.filter(({ owner }) => owner === "gone" || owner === "over").map(({ tag }) => tag));
  }
  const word = choice.campaign;
  const byId = [...known].find(([, { id }]) => id === word)?.[0];
  if (byId !== undefined) return new Set([byId]);
  const tag = TAG.test(word) ? word : MADE_ID.exec(word)?.[1];
  if (tag === undefined) {
    const tags = found.map((one) => one.tag).join(", ");
    throw new ConfigError(
      "CAMPAIGN_UNKNOWN",
      `nobody here knows a campaign ${word}, so its jobs cannot be told by that name; give its tag, which is the middle of its job names (gh-TAG-p1)${tags === "" ? "" : `: ${tags}`}`,
    );
  }
  const owner = known.get(tag);
  if (ownerOf(owner) === "living") {
    throw new GridError(
      "CAMPAIGN_OWNED",
      `the jobs of ${tag} belong to the campaign ${owner?.id ?? ""}, whose orchestrator is alive and would ask for new ones; end it with \`gridharvest cancel ${owner?.id ?? ""}\`, or name the campaign by its id`,
    );
  }
  return new Set([tag]);
}
