import type { CampaignRecord } from "../campaign-store.ts";
import { isFinal } from "../campaign.ts";
import type { CampaignView } from "../view.ts";

/**
 * When a campaign that serves, or is about to, tears itself down, in milliseconds since 1970: when the operator said last, else when it was
 * made for, else `keepFor` from its first moment of serving. Undefined when it does not serve. One for `finish: keep` and `serve`.
 */
export function servingUntil(record: CampaignRecord, view: CampaignView): number | undefined {
  if (isFinal(view.state) || view.state === "tearing-down") return undefined;
  if (record.serves) return view.servesUntil ?? record.serves.until;
  const since = view.states.find(({ state }) => state === "serving")?.at;
  if (view.state !== "serving" || since === undefined) return undefined;
  return view.servesUntil ?? since + record.config.keepFor * 1000;
}

/**
 * Whether the time of a service is over and it shall end. One that is held ends, too: its result is safe in the snapshot, and nodes
 * cost. A campaign that loads is held for somebody to look at, and stays.
 */
export function isServiceOver(record: CampaignRecord, view: CampaignView, now: number): boolean {
  const until = servingUntil(record, view);
  return until !== undefined && now >= until;
}
