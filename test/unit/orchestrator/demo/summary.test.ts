import { describe, expect, it } from "vitest";
import { joinPhases } from "../../../../orchestrator/demo/summary.ts";

describe("joinPhases", () => {
  it("puts the campaign's phases where the demo watched it, and leaves out serving and steps", () => {
    const own = { sample: 4, plan: 1, campaign: 60, compare: 2, teardown: 3 };
    const campaign = { boot: 20, load: 30, finish: 10, "finish: snapshot": 5, serve: 2, teardown: 3 };
    expect(Object.entries(joinPhases(own, campaign))).toEqual([
      ["sample", 4],
      ["plan", 1],
      ["boot", 20],
      ["load", 30],
      ["finish", 10],
      ["compare", 2],
      ["teardown", 3],
    ]);
  });
});
