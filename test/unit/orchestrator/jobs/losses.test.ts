import { describe, expect, it } from "vitest";
import { lossesOf } from "../../../../orchestrator/jobs/losses.ts";
import type { JobView } from "../../../../orchestrator/view.ts";
import { T, viewWith, working } from "./job-views.ts";

const ended = { at: T + 100_000, exit: 137, how: "finished" };
const leaving = { at: T + 50_000, reason: "", shards: 1, bytes: 1 };

describe("what went with a data node", () => {
  it.each<[string, Partial<JobView>, number]>([
    ["one that works", {}, 0],
    ["one that ended", { ended }, 1],
    ["one that ended while its shards moved away", { ended, leaving }, 1],
    ["one that was emptied", { ended, leaving, releasedAt: T + 60_000, draining: true }, 0],
    ["one that was drained by a teardown", { ended, draining: true }, 0],
    ["one that is dead while its job is still listed", { lost: { at: T + 50_000, how: "silent" } }, 1],
    ["one that was dead, and whose job has ended", { lost: { at: T + 50_000, how: "silent" }, ended }, 1],
    ["one that is run once more", { pastLives: [{ endedAt: T, up: true, how: "it is queued again" }] }, 1],
    ["one that is run once more and had never worked", { pastLives: [{ endedAt: T, up: false, how: "" }] }, 0],
  ])("%s", (_, more, losses) => {
    expect(lossesOf(viewWith({ dataNodes: 1, parsers: 0 }, working("d1", T, more)))).toHaveLength(losses);
  });

  it("is nothing with a parser, or with a node that never worked", () => {
    const view = viewWith({ dataNodes: 1, parsers: 1 }, working("p1", T, { ended }), {
      name: "d1",
      startedAt: T,
      ended,
    });
    expect(lossesOf(view)).toEqual([]);
  });
});
