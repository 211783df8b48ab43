import type { CampaignState } from "../campaign.ts";
import type { JournalRecord } from "../journal.ts";

/** Where to look further. Paths are those of the orchestrator's host. */
export interface Links {
  readonly directory: string;
  readonly log: string;
  readonly report: string;
  /** The campaign's dashboard in graphite-web, where there is one. */
  readonly dashboard?: string;
}

/** The news that a campaign has changed its state: what a webhook gets as JSON. */
export interface Notification {
  /** `<campaign>/<number of the journal's record>`: the same for each attempt to deliver it. */
  readonly id: string;
  readonly campaign: string;
  readonly from: CampaignState;
  readonly to: CampaignState;
  readonly event: string;
  readonly reason?: string;
  /** When it changed, ISO 8601. */
  readonly at: string;
  readonly links: Links;
}

export type Transition = Extract<JournalRecord, { type: "transition" }>;

export function notificationOf(campaign: string, transition: Transition, links: Links): Notification {
  const { seq, event, from, to, reason, at } = transition;
  return {
    id: `${campaign}/${String(seq)}`,
    campaign,
    from,
    to,
    event,
    ...(reason === undefined ? {} : { reason }),
    at: new Date(at).toISOString(),
    links,
  };
}

/** Changes that are told and were not yet, oldest first. Pure: whoever takes a campaign up finds the same in the same journal. */
export function pendingTransitions(
  records: readonly JournalRecord[],
  notifiedUpTo: number,
  on: readonly CampaignState[],
): readonly Transition[] {
  const pending: Transition[] = [];
  for (let i = records.length - 1; i >= 0; i--) {
    const record = records[i];
    if (!record || record.seq <= notifiedUpTo) break;
    if (record.type === "transition" && on.includes(record.to)) pending.push(record);
  }
  return pending.reverse();
}

/** Whether it came to be, or what came instead. `again`: another attempt may help. */
export type Delivery =
  { readonly delivered: true } | { readonly delivered: false; readonly problem: string; readonly again: boolean };

export const DELIVERED: Delivery = { delivered: true };

export function undelivered(problem: string, again: boolean): Delivery {
  return { delivered: false, problem, again };
}
