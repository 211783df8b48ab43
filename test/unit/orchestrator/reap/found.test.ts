import { describe, expect, it } from "vitest";
import {
  chooseTags,
  foundCampaigns,
  jobsByTag,
  type Choice,
  type KnownCampaign,
} from "../../../../orchestrator/reap/found.ts";
import { jobNameOf, readJobName } from "../../../../orchestrator/node-specs.ts";
import type { JobStatus } from "../../../../pbs/batch-system.ts";

const job = (id: string, name: string, more: Partial<JobStatus> = {}): JobStatus => ({
  id,
  name,
  owner: "me",
  state: "running",
  rawState: "R",
  hosts: [],
  ...more,
});

describe("a job's name", () => {
  it("tells the campaign's tag", () => {
    expect(readJobName(jobNameOf("k3f9a", "es-data", 12))).toEqual({ tag: "k3f9a", node: "d12" });
    expect(readJobName("gh-k3f9a-s1")).toEqual({ tag: "k3f9a", node: "s1" });
  });
  it.each(["gh-k3f9-d1", "gh-k3f9a-d", "gh-K3F9A-d1", "gh-k3f9a-d1x", "xgh-k3f9a-d1", "STDIN", "gh-k3f9a-d1\n", ""])(
    "%j is none of ours",
    (name) => expect(readJobName(name)).toBeUndefined(),
  );
});

describe("jobs of campaigns", () => {
  it("are those of the user that have not ended, with the time since which they run or wait", () => {
    const found = jobsByTag(
      [
        job("1", "gh-aaaaa-d1", { startedAt: 20, queuedAt: 10, hosts: ["n1"] }),
        job("2", "gh-aaaaa-p1", { state: "queued", queuedAt: 30 }),
        job("3", "gh-bbbbb-p1", { state: "unknown" }),
        job("4", "gh-aaaaa-p2", { state: "finished" }),
        job("5", "gh-aaaaa-p3", { owner: "somebody" }),
        job("6", "simulation"),
      ],
      "me",
    );
    expect(Object.fromEntries(found)).toEqual({
      aaaaa: [
        { id: "1", name: "gh-aaaaa-d1", state: "running", hosts: ["n1"], since: 20 },
        { id: "2", name: "gh-aaaaa-p1", state: "queued", hosts: [], since: 30 },
      ],
      bbbbb: [{ id: "3", name: "gh-bbbbb-p1", state: "unknown", hosts: [] }],
    });
  });

  it("without an owner are nobody's to end", () => {
    const { owner: _, ...ownerless } = job("1", "gh-aaaaa-d1");
    expect(jobsByTag([ownerless], "me").size).toBe(0);
  });
});

describe("whose jobs are meant", () => {
  const known = new Map<string, KnownCampaign>([
    ["alive", { id: "2013-01-alive", state: "running", hasOrchestrator: true }],
    ["gone2", { id: "my-month", state: "running", hasOrchestrator: false }],
    ["over2", { id: "2013-03-over2", state: "cancelled", hasOrchestrator: false }],
    ["redis", { id: "2013-04-redis", hasOrchestrator: true }],
    ["quiet", { id: "2013-05-quiet", state: "running", hasOrchestrator: false }],
  ]);
  const tags = ["alive", "gone2", "over2", "redis", "alien"];
  const found = foundCampaigns(
    jobsByTag(
      tags.map((tag, i) => job(String(i), `gh-${tag}-p1`)),
      "me",
    ),
    known,
  );
  const choose = (choice: Choice): readonly string[] => [...chooseTags(choice, found, known)];

  it("who looks after them is told by what is known", () => {
    expect(found.map(({ tag, campaign, owner }) => [tag, campaign, owner])).toEqual([
      ["alien", undefined, "unknown"],
      ["alive", "2013-01-alive", "living"],
      ["gone2", "my-month", "gone"],
      ["over2", "2013-03-over2", "over"],
      ["redis", "2013-04-redis", "living"],
    ]);
  });

  it.each<[string, Choice, readonly string[]]>([
    ["all are those that nobody looks after for certain", { all: true }, ["gone2", "over2"]],
    ["a tag", { campaign: "gone2" }, ["gone2"]],
    ["a tag that nobody knows", { campaign: "alien" }, ["alien"]],
    ["an id that says nothing of its tag", { campaign: "my-month" }, ["gone2"]],
    ["an id whose directory is gone", { campaign: "2011-07-zzzzz" }, ["zzzzz"]],
    ["an id of several months", { campaign: "2011-07-to-2011-09-zzzzz" }, ["zzzzz"]],
    ["the id of a living one", { campaign: "2013-01-alive" }, ["alive"]],
    ["the id of one that has no jobs", { campaign: "2013-05-quiet" }, ["quiet"]],
  ])("%s", (_, choice, chosen) => expect(choose(choice)).toEqual(chosen));

  it.each(["alive", "redis"])("the tag %s of a living one is refused", (campaign) => {
    expect(() => choose({ campaign })).toThrow(
      expect.objectContaining({ code: "CAMPAIGN_OWNED", message: expect.stringContaining(`2013-0`) as string }),
    );
  });

  it.each(["your-month", "K3F9A", "*", ""])("%j says nothing, and the tags there are are told", (campaign) => {
    expect(() => choose({ campaign })).toThrow(/give its tag.*: alien, alive, gone2, over2, redis$/);
  });
});
