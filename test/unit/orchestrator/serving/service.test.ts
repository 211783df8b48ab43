import { describe, expect, it } from "vitest";
import type { CampaignRecord } from "../../../../orchestrator/campaign-store.ts";
import { CAMPAIGN_STATES, type CampaignState } from "../../../../orchestrator/campaign.ts";
import { configSchema } from "../../../../orchestrator/config-schema.ts";
import { isServiceOver, servingUntil } from "../../../../orchestrator/serving/service.ts";
import { emptyView, type CampaignView } from "../../../../orchestrator/view.ts";

const config = configSchema.parse({ keepFor: "1h", dataNodes: { count: 3, cpus: 2 } });
const loading: CampaignRecord = {
  version: 1,
  id: "2013-01-x",
  tag: "abcde",
  createdAt: 0,
  months: ["2013-01"],
  planId: "p",
  config,
};
const serving: CampaignRecord = {
  ...loading,
  id: "serve-2013-01-y",
  serves: { campaign: "2013-01-x", snapshot: "2013-01-x", repository: "/snapshots/2013-01-x", until: 9_000_000 },
};
const ENDING: readonly CampaignState[] = ["tearing-down", "done", "failed", "cancelled"];
function viewIn(state: CampaignState, servingSince?: number): CampaignView {
  const view = emptyView();
  view.state = state;
  view.targets = { dataNodes: 2, parsers: 0 };
  if (servingSince !== undefined) view.states.push({ state: "serving", at: servingSince });
  return view;
}

describe("a service's end", () => {
  it("is keepFor after it began to serve, for a campaign that loaded", () => {
    expect(servingUntil(loading, viewIn("running"))).toBeUndefined();
    expect(servingUntil(loading, viewIn("serving", 1_000_000))).toBe(4_600_000);
  });

  it("is the time that it was made for, from its beginning on", () => {
    for (const state of CAMPAIGN_STATES) {
      expect(servingUntil(serving, viewIn(state)), state).toBe(ENDING.includes(state) ? undefined : 9_000_000);
    }
  });

  it("is what the operator said last", () => {
    for (const record of [loading, serving]) {
      expect(servingUntil(record, { ...viewIn("serving", 1_000_000), servesUntil: 5_000_000 })).toBe(5_000_000);
    }
  });

  it("ends a service in every state, and a campaign that loaded only while it serves", () => {
    const ended = (record: CampaignRecord): CampaignState[] =>
      CAMPAIGN_STATES.filter((state) => isServiceOver(record, viewIn(state, 1_000_000), 9_000_000));
    expect(ended(serving)).toEqual(CAMPAIGN_STATES.filter((state) => !ENDING.includes(state)));
    expect(ended(loading)).toEqual(["serving"]);
    for (const state of CAMPAIGN_STATES) {
      expect(isServiceOver(serving, viewIn(state, 1_000_000), 8_999_999), state).toBe(false);
      expect(isServiceOver(loading, viewIn(state, 1_000_000), 4_599_999), state).toBe(false);
    }
  });
});
