import { describe, expect, it } from "vitest";
import { CAMPAIGN_STATES, transition, type CampaignState } from "../../../orchestrator/campaign.ts";
import { answerTo, type FaultAnswer } from "../../../orchestrator/fault.ts";
import { GridError, StoreError } from "../../../worker/contract/errors.ts";

describe("what becomes of a campaign that met a fault", () => {
  const gateway = new GridError("GATEWAY_FAILED", "m");
  const lostNode = new StoreError("DATA_NODE_LOST", "m");
  const full = new StoreError("JOURNAL_UNWRITABLE", "m");
  const passing = new StoreError("ELASTICSEARCH_REFUSED", "m", { retryable: true });
  const rows: readonly (readonly [string, unknown, boolean, Partial<Record<CampaignState, FaultAnswer>>])[] = [
    [
      "a gateway that does not come up",
      gateway,
      true,
      {
        booting: "fail",
        running: "hold",
        paused: "stay",
        finishing: "hold",
        restoring: "hold",
        serving: "stay",
        held: "stay",
        "tearing-down": "leave",
      },
    ],
    ["a lost data node", lostNode, true, { running: "fail", paused: "fail", finishing: "hold", held: "stay" }],
    ["something nobody foresaw", new TypeError("t"), true, { booting: "fail", running: "hold", held: "stay" }],
    ["what may pass, tried too often", passing, false, { booting: "fail", running: "hold", held: "stay" }],
    ["what may pass", passing, true, Object.fromEntries(CAMPAIGN_STATES.map((state) => [state, "again"]))],
    ["a full disk", full, false, Object.fromEntries(CAMPAIGN_STATES.map((state) => [state, "stay"]))],
    [
      "another owner",
      new GridError("CAMPAIGN_LOST", "m"),
      true,
      Object.fromEntries(CAMPAIGN_STATES.map((state) => [state, "leave"])),
    ],
  ];
  it.each(rows)("%s", (_, error, mayRetry, expected) => {
    const states = Object.keys(expected) as CampaignState[];
    expect(Object.fromEntries(states.map((state) => [state, answerTo(error, state, mayRetry)]))).toEqual(expected);
  });

  it("every move that it asks for is in the table, and no fault ends what was held", () => {
    for (const state of CAMPAIGN_STATES) {
      for (const error of [gateway, lostNode, full, passing, new TypeError("t")]) {
        const answer = answerTo(error, state, false);
        if (answer === "hold" || answer === "fail") expect(transition(state, answer), state).toBeDefined();
      }
    }
    expect(transition("held", "fail")).toBeUndefined();
  });
});
