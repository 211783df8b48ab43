import { describe, expect, it } from "vitest";
import { reasons } from "../../../orchestrator/reasons.ts";
import type { CampaignState } from "../../../orchestrator/campaign.ts";
import type { CampaignView } from "../../../orchestrator/view.ts";
import { SIMULATED_POLICY as POLICY } from "../../support/simulated-grid.ts";
import { T, viewWith, working } from "./jobs/job-views.ts";

const s = 1000;

function told(view: CampaignView, seconds: number, holdings: Record<string, number> = {}): readonly string[] {
  return reasons({
    id: "january",
    view,
    policy: POLICY,
    now: T + seconds * s,
    holdings: Object.fromEntries(Object.entries(holdings).map(([name, shards]) => [name, { shards, bytes: 1000 }])),
  }).map(({ kind, text }) => `${kind}: ${text}`);
}

const DATA = { dataNodes: 1, parsers: 0 };

describe("why nothing goes on", () => {
  it("nothing to say when all is as it should be", () => {
    expect(told(viewWith(DATA, working("d1")), 60)).toEqual([]);
  });

  it.each<[CampaignState, RegExp | undefined]>([
    ["planned", /nothing of it has begun/],
    ["booting", /^state: it boots/],
    ["running", undefined],
    ["paused", /until `gridharvest resume january`/],
    ["finishing", /everything is loaded/],
    ["held", /somebody has to look/],
    ["serving", /it serves/],
    ["tearing-down", /torn down/],
    ["done", /it has ended.*: done/],
  ])("%s", (state, expected) => {
    const view = viewWith({ dataNodes: 0, parsers: 0 });
    view.state = state;
    const texts = told(view, 0);
    if (expected === undefined) expect(texts).toEqual([]);
    else expect(texts).toEqual([expect.stringMatching(expected)]);
  });

  it("documents that went with a data node, while their chunks are put back", () => {
    const view = viewWith(DATA, working("d2"));
    view.reloads.push({ at: T + 30 * s, nodes: ["d1"], shards: [{ index: "logs-1", shard: 0 }] });
    view.steps.set("reload 1: allocate", { name: "reload 1: allocate", startedAt: T + 40 * s });
    expect(told(view, 60)).toEqual([
      "reloading: 1 shards went with the data nodes d1: their chunks are being put back into the spool: reload 1: allocate since 2023-11-14T22:14:00Z",
    ]);
    Object.assign(view.reloads[0] ?? {}, { done: { at: T, attempts: 0, chunks: 1, documents: 1, bytes: 1 } });
    expect(told(view, 60)).toEqual([]);
  });

  it("a job that waits, one that boots, one that nobody knows", () => {
    const view = viewWith(
      { dataNodes: 3, parsers: 0 },
      { name: "d1", jobId: "1.s", submittedAt: T },
      { name: "d2", jobId: "2.s", submittedAt: T, startedAt: T + 5 * s, hosts: ["n7"] },
      { name: "d3", unanswered: "qsub did not answer" },
    );
    expect(told(view, 60)).toEqual([
      "in-queue: d1 (1.s) waits in the queue since 2023-11-14T22:13:20Z (1 min 00 s); others waited 5 s (median), at most 5 s",
      "starting: d2 (2.s) runs on n7 since 2023-11-14T22:13:25Z (55 s) and its agent has not joined yet",
      "unanswered: whether d3 was submitted is not known since 2023-11-14T22:13:20Z (1 min 00 s): qsub did not answer; it is looked up by its name",
    ]);
    expect(reasons({ id: "january", view, policy: POLICY, now: T })[0]).toMatchObject({
      role: "es-data",
      job: "d1",
      since: T,
    });
  });

  it("the limit of submissions", () => {
    const recent = Array.from({ length: 30 }, (_, i) => working(`d${String(i)}`, T));
    expect(told(viewWith({ dataNodes: 32, parsers: 0 }, ...recent), 30)).toEqual([
      "submission-limit: 2 data nodes are missing, and the limit of 30 submissions a minute is reached (batch.submissionsPerMinute)",
    ]);
  });

  it("an open breaker, and a host in quarantine", () => {
    const view = viewWith(DATA);
    view.breakers.set("es-data", { openedAt: T, probeAt: T + 60 * s, reason: "4 failures in a row", times: 1 });
    view.quarantine.set("n3", { at: T, until: T + 900 * s, reason: "3 jobs failed there" });
    expect(told(view, 10)).toEqual([
      "breaker-open: no data nodes are submitted: 4 failures in a row; one job is tried at 2023-11-14T22:14:20Z",
      "quarantine: no jobs go to n3 until 2023-11-14T22:28:20Z: 3 jobs failed there",
    ]);
    expect(told(view, 61)[0]).toMatch(/one job is about to be tried$/);
    view.jobs.set("d9", {
      ...viewWith(DATA, { name: "d9", intentAt: T + 61 * s, jobId: "9" }).jobs.get("d9"),
    } as never);
    expect(told(view, 70)[0]).toMatch(/one job is being tried$/);
    expect(told(view, 901)).not.toContainEqual(expect.stringMatching(/^quarantine/));
  });

  it("a replacement in each of its steps", () => {
    const successor = { name: "d2", jobId: "2.s", submittedAt: T + 1_040_000, replaces: "d1" };
    expect(told(viewWith(DATA, working("d1")), 1100, { d1: 6 })).toEqual([
      "successor-awaited: d1 works until 2023-11-14T22:32:50Z, and its successor is not submitted yet",
    ]);
    expect(told(viewWith(DATA, working("d1"), successor), 1100, { d1: 6 })).toEqual([
      "in-queue: d2 (2.s) waits in the queue since 2023-11-14T22:30:40Z (1 min 00 s); others waited 1 s (median), at most 1 s",
      "successor-awaited: d1 works until 2023-11-14T22:32:50Z, and its successor d2 does not work yet",
    ]);
    const leaving = { at: T + 1_100_000, reason: "its walltime is nearly over", shards: 6, bytes: 1 };
    const up = working("d2", T + 1_050_000, { replaces: "d1" });
    expect(told(viewWith(DATA, working("d1", T, { leaving }), up), 1110, { d1: 2, d2: 4 })).toEqual([
      "shards-moving: d1 leaves (its walltime is nearly over): 2 of 6 shards are still there",
    ]);
    const draining = working("d1", T, { leaving, releasedAt: T + 1_110_000, draining: true });
    expect(told(viewWith(DATA, draining, up), 1115, { d2: 6 })).toEqual(["ending: d1 finishes what it has and ends"]);
  });

  it("a lost node, and a job that is being deleted", () => {
    const lost = working("d1", T, { lost: { at: T + 50 * s, how: "no heartbeat for 25 s" } });
    expect(told(viewWith({ dataNodes: 0, parsers: 0 }, lost), 60)).toEqual([
      "node-lost: the node of d1 is lost (no heartbeat for 25 s); its job is being deleted",
    ]);
    const cancelled = { name: "d1", jobId: "1.s", cancelled: true, cancelReason: "it is not needed any more" };
    expect(told(viewWith({ dataNodes: 0, parsers: 0 }, cancelled), 60)).toEqual([
      "ending: d1 is being deleted: it is not needed any more",
    ]);
  });

  it("a walltime that is too short", () => {
    const slow = working("d1", T, { submittedAt: T - 1000 * s });
    expect(told(viewWith(DATA, slow), 60)).toEqual([
      expect.stringMatching(/^walltime-short: the walltime of the data nodes \(1200 s\)/),
    ]);
  });
});
