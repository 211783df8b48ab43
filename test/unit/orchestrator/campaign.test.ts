import { describe, expect, it } from "vitest";
import {
  CAMPAIGN_EVENTS,
  CAMPAIGN_STATES,
  isFinal,
  outcomeOf,
  teardownEvent,
  transition,
  type CampaignEvent,
  type CampaignState,
} from "../../../orchestrator/campaign.ts";

/** Every move that is allowed; every other pair must be refused. */
const ALLOWED: readonly (readonly [CampaignState, CampaignEvent, CampaignState])[] = [
  ["planned", "start", "booting"],
  ["planned", "cancel", "tearing-down"],
  ["planned", "fail", "tearing-down"],
  ["booting", "booted", "running"],
  ["booting", "restore", "restoring"],
  ["booting", "cancel", "tearing-down"],
  ["booting", "fail", "tearing-down"],
  ["running", "pause", "paused"],
  ["running", "drained", "finishing"],
  ["running", "hold", "held"],
  ["running", "cancel", "tearing-down"],
  ["running", "fail", "tearing-down"],
  ["paused", "resume", "running"],
  ["paused", "cancel", "tearing-down"],
  ["paused", "fail", "tearing-down"],
  ["finishing", "reload", "running"],
  ["finishing", "finished", "tearing-down"],
  ["finishing", "serve", "serving"],
  ["finishing", "hold", "held"],
  ["finishing", "cancel", "tearing-down"],
  ["finishing", "fail", "tearing-down"],
  ["restoring", "serve", "serving"],
  ["restoring", "hold", "held"],
  ["restoring", "cancel", "tearing-down"],
  ["restoring", "fail", "tearing-down"],
  ["serving", "replay", "running"],
  ["serving", "release", "tearing-down"],
  ["serving", "cancel", "tearing-down"],
  ["serving", "fail", "tearing-down"],
  ["held", "resume", "running"],
  ["held", "replay", "running"],
  ["held", "retry", "finishing"],
  ["held", "restore", "restoring"],
  ["held", "release", "tearing-down"],
  ["held", "cancel", "tearing-down"],
  ["tearing-down", "torn-down-done", "done"],
  ["tearing-down", "torn-down-failed", "failed"],
  ["tearing-down", "torn-down-cancelled", "cancelled"],
];

describe("campaign states", () => {
  for (const state of CAMPAIGN_STATES) {
    for (const event of CAMPAIGN_EVENTS) {
      const expected = ALLOWED.find(([from, by]) => from === state && by === event)?.[2];
      it(`${state} + ${event} → ${expected ?? "refused"}`, () => {
        expect(transition(state, event)).toBe(expected);
      });
    }
  }

  it("lets every state but the final ones reach an end", () => {
    for (const state of CAMPAIGN_STATES) {
      const reached = new Set<CampaignState>([state]);
      for (const from of reached) {
        for (const event of CAMPAIGN_EVENTS) {
          const to = transition(from, event);
          if (to !== undefined) reached.add(to);
        }
      }
      expect([...reached].some(isFinal), state).toBe(true);
      if (isFinal(state)) expect([...reached]).toEqual([state]);
    }
  });

  it("tears down from every state but those in which it is ending", () => {
    const outcomes = CAMPAIGN_STATES.map((state) => {
      const event = teardownEvent(state);
      return [state, event === undefined ? undefined : outcomeOf(state, event)];
    });
    expect(Object.fromEntries(outcomes)).toEqual({
      planned: "cancelled",
      booting: "cancelled",
      running: "cancelled",
      paused: "cancelled",
      finishing: "cancelled",
      restoring: "cancelled",
      serving: "done",
      held: "failed",
    });
  });

  it("decides the outcome when the teardown begins", () => {
    expect(outcomeOf("finishing", "finished")).toBe("done");
    expect(outcomeOf("serving", "cancel")).toBe("done");
    expect(outcomeOf("running", "cancel")).toBe("cancelled");
    expect(outcomeOf("restoring", "cancel")).toBe("cancelled");
    expect(outcomeOf("restoring", "fail")).toBe("failed");
    expect(outcomeOf("held", "release")).toBe("failed");
    expect(outcomeOf("booting", "fail")).toBe("failed");
    expect(outcomeOf("running", "pause")).toBeUndefined();
  });
});
