import { describe, expect, it } from "vitest";
import { steer, type Action, type Sight, type StoreSight } from "../../../../orchestrator/jobs/steer.ts";
import type { CampaignView } from "../../../../orchestrator/view.ts";
import { SIMULATED_POLICY as POLICY } from "../../../support/simulated-grid.ts";
import { T, viewWith, working } from "./job-views.ts";

/** Both roles are looked after; the walltime is 1200 s. */
function act(
  view: CampaignView,
  seconds: number,
  store?: Partial<Record<string, number>>,
  more: Partial<StoreSight> = {},
) {
  const sight: Sight = {
    now: T + seconds * 1000,
    roles: ["es-data", "parser"],
    ...(store
      ? {
          store: {
            nodes: new Map(Object.entries(store).map(([name, shards = 0]) => [name, { shards, bytes: shards * 1000 }])),
            excluded: new Set<string>(),
            primariesAssigned: true,
            ...more,
          },
        }
      : {}),
  };
  return steer(view, POLICY, sight);
}

const kinds = (actions: readonly Action[]): string[] =>
  actions.map(
    (action) => `${action.kind} ${"jobName" in action ? action.jobName : "role" in action ? action.role : action.host}`,
  );

const BOTH = { dataNodes: 2, parsers: 1 };

describe("what is missing", () => {
  it("is submitted, data nodes first", () => {
    expect(kinds(act(viewWith(BOTH), 0))).toEqual(["submit es-data", "submit es-data", "submit parser"]);
  });

  it("is nothing while jobs wait or boot, also such that nobody knows whether they were submitted", () => {
    const view = viewWith(
      BOTH,
      { name: "d1", jobId: "1" },
      { name: "d2", unanswered: "no answer" },
      { name: "p1", jobId: "3" },
    );
    expect(act(view, 100)).toEqual([]);
  });

  it("is not submitted once the budget is spent, neither a successor, until there is more", () => {
    // Two nodes for ten minutes are a third of a node-hour; the walltime is 20 minutes.
    const view = viewWith({ dataNodes: 2, parsers: 1 }, working("d1"), working("d2"));
    view.budget = { nodeHours: 0.3 };
    expect(act(view, 600, { d1: 3, d2: 3 })).toEqual([]);
    expect(kinds(act(view, 1150, { d1: 3, d2: 3 })).filter((text) => text.startsWith("submit"))).toEqual([]);
    view.budget = { nodeHours: 0.4 };
    expect(kinds(act(view, 600, { d1: 3, d2: 3 }))).toEqual(["submit parser"]);
    view.budget = { nodeHours: null };
    expect(kinds(act(view, 600, { d1: 3, d2: 3 }))).toEqual(["submit parser"]);
  });

  it("takes the place of what has ended", () => {
    const view = viewWith(
      { dataNodes: 1, parsers: 0 },
      working("d1", T, { ended: { at: T + 100_000, exit: 16, how: "finished" } }),
    );
    expect(act(view, 200)).toEqual([{ kind: "submit", role: "es-data", replaces: "d1" }]);
  });

  it("waits for the minute to pass when too many were submitted in it", () => {
    const many = Array.from({ length: 29 }, (_, i) => ({ name: `d${String(i)}`, jobId: String(i), intentAt: T }));
    const view = viewWith({ dataNodes: 40, parsers: 3 }, ...many);
    expect(kinds(act(view, 59))).toEqual(["submit es-data"]);
    expect(kinds(act(view, 61))).toHaveLength(14);
  });

  it("is not looked after in states that need no nodes of the role", () => {
    const sight: Sight = { now: T, roles: ["es-data"] };
    expect(kinds(steer(viewWith(BOTH), POLICY, sight))).toEqual(["submit es-data", "submit es-data"]);
    expect(steer(viewWith(BOTH), POLICY, { now: T, roles: [] })).toEqual([]);
  });
});

describe("a replacement", () => {
  const DATA = { dataNodes: 2, parsers: 0 };
  // A walltime of 1200 s, of which 30 are the stop's: 1170. Wait 1, boot 20, move 6 and 120 s of margin: 1023.
  const pair = [working("d1", T), working("d2", T + 300_000)] as const;

  it("is submitted as long before the end as waiting, booting and moving took, and a margin", () => {
    const view = viewWith(DATA, ...pair);
    const shards = { d1: 6, d2: 6 };
    expect(act(view, 1021, shards)).toEqual([]);
    expect(act(view, 1025, shards)).toEqual([{ kind: "submit", role: "es-data", replaces: "d1" }]);
  });

  it("is submitted once", () => {
    const view = viewWith(DATA, ...pair, { name: "d3", jobId: "3", replaces: "d1", intentAt: T + 1_025_000 });
    expect(act(view, 1040, { d1: 6, d2: 6 })).toEqual([]);
  });

  it("moves the old node's shards when the new one is a member", () => {
    const successor = working("d3", T + 1_030_000, { replaces: "d1" });
    const view = viewWith(DATA, ...pair, successor);
    expect(act(view, 1060, { d1: 6, d2: 6 })).toEqual([]);
    expect(act(view, 1060, { d1: 6, d2: 6, d3: 0 })).toEqual([
      { kind: "exclude", jobName: "d1", reason: "its walltime is nearly over", shards: 6, bytes: 6000 },
    ]);
    // Without a word of Elasticsearch nobody leaves.
    expect(act(view, 1060)).toEqual([]);
  });

  const leaving = { at: T + 1_060_000, reason: "its walltime is nearly over", shards: 6, bytes: 6000 };
  const successor = working("d3", T + 1_030_000, { replaces: "d1" });
  const left = viewWith(DATA, working("d1", T, { leaving }), pair[1], successor);
  const excluded = new Set(["d1"]);

  it("lets the old node go when it holds nothing, for certain", () => {
    expect(act(left, 1070, { d1: 1, d2: 6, d3: 5 }, { excluded })).toEqual([]);
    // The exclusion is not in force; a copy may stand unassigned on it; it has left the cluster.
    expect(act(left, 1070, { d1: 0, d2: 6, d3: 6 })).toEqual([]);
    expect(act(left, 1070, { d1: 0, d2: 6, d3: 5 }, { excluded, primariesAssigned: false })).toEqual([]);
    expect(act(left, 1070, { d2: 6, d3: 6 }, { excluded })).toEqual([]);
    expect(act(left, 1070, { d1: 0, d2: 6, d3: 6 }, { excluded })).toEqual([{ kind: "release", jobName: "d1" }]);
  });

  it("drains it when parsers have heard that it is off the list, and deletes it when it does not end", () => {
    const shards = { d1: 0, d2: 6, d3: 6 };
    const released = viewWith(DATA, working("d1", T, { leaving, releasedAt: T + 1_070_000 }), pair[1], successor);
    expect(act(released, 1072, shards, { excluded })).toEqual([]);
    expect(kinds(act(released, 1073, shards, { excluded }))).toEqual(["drain d1"]);
    const draining = viewWith(
      DATA,
      working("d1", T, { leaving, releasedAt: T + 1_070_000, draining: true, drainingAt: T + 1_073_000 }),
      pair[1],
      successor,
    );
    expect(act(draining, 1130, shards, { excluded })).toEqual([]);
    expect(kinds(act(draining, 1134, shards, { excluded }))).toEqual(["cancel d1"]);
  });

  it("is not asked for while the node does not work itself, unless it never will", () => {
    const boots = { name: "d3", jobId: "3", intentAt: T, startedAt: T, hosts: ["n1"], certifiedAt: T };
    const view = viewWith(
      { dataNodes: 1, parsers: 0 },
      boots,
      working("d0", T - 9_000_000, { ended: { at: T, exit: 0, how: "" } }),
    );
    expect(act(view, 1145, {})).toEqual([]);
    // The others booted in 20 s, and it works until 1170.
    expect(kinds(act(view, 1150, {}))).toEqual(["submit es-data"]);
  });

  it("that failed is followed by another, in the same place", () => {
    const ended = { at: T + 1_040_000, exit: null, how: "gone from the batch system" };
    const view = viewWith(DATA, ...pair, { name: "d3", jobId: "3", replaces: "d1", intentAt: T + 1_030_000, ended });
    expect(act(view, 1041, { d1: 6, d2: 6 })).toEqual([{ kind: "submit", role: "es-data", replaces: "d3" }]);
  });

  it("that is late: the shards go to the others while there is time", () => {
    const view = viewWith(DATA, ...pair, { name: "d3", jobId: "3", replaces: "d1", intentAt: T + 1_025_000 });
    // 6 s of moving and 60 s before 1170.
    expect(act(view, 1103, { d1: 6, d2: 6 })).toEqual([]);
    expect(kinds(act(view, 1105, { d1: 6, d2: 6 }))).toEqual(["exclude d1"]);
  });

  it("that is late, and there are no others: nothing is moved", () => {
    const view = viewWith({ dataNodes: 1, parsers: 0 }, working("d1", T), { name: "d2", jobId: "2", replaces: "d1" });
    expect(act(view, 1165, { d1: 6 })).toEqual([]);
  });

  it("of a parser comes before the old one stops taking chunks, which is drained when the new one works", () => {
    const view = viewWith({ dataNodes: 0, parsers: 1 }, working("p1", T));
    // It takes chunks until 1080; wait 1, boot 20 and margin 120.
    expect(act(view, 938)).toEqual([]);
    expect(act(view, 940)).toEqual([{ kind: "submit", role: "parser", replaces: "p1" }]);
    const both = viewWith(
      { dataNodes: 0, parsers: 1 },
      working("p1", T),
      working("p2", T + 950_000, { replaces: "p1" }),
    );
    expect(act(both, 980)).toEqual([{ kind: "drain", jobName: "p1", reason: "its walltime is nearly over" }]);
  });
});

describe("too many", () => {
  it("data nodes: the one that ends first leaves, and never the last", () => {
    const view = viewWith(
      { dataNodes: 1, parsers: 0 },
      working("d1", T + 5000),
      working("d2", T),
      working("d3", T + 9000),
    );
    expect(kinds(act(view, 60, { d1: 4, d2: 4, d3: 4 }))).toEqual(["exclude d2", "exclude d1"]);
    expect(act(view, 60, { d3: 12 })).toEqual([]);
  });

  it("those that do not work yet go first: queued ones are deleted, one that may be a member is excluded before", () => {
    const view = viewWith(
      { dataNodes: 1, parsers: 1 },
      working("d1", T),
      { name: "d2", jobId: "2", intentAt: T },
      { name: "d3", jobId: "3", intentAt: T + 1, startedAt: T, certifiedAt: T },
      working("p1", T),
      { name: "p2", jobId: "5", startedAt: T, certifiedAt: T },
    );
    expect(kinds(act(view, 60, { d1: 4 }))).toEqual(["exclude d3", "cancel d2", "cancel p2"]);
  });

  it("parsers are drained", () => {
    const view = viewWith({ dataNodes: 0, parsers: 1 }, working("p1", T + 1000), working("p2", T));
    expect(act(view, 60)).toEqual([{ kind: "drain", jobName: "p2", reason: "scaled down" }]);
  });
});

describe("a lost node", () => {
  it("is deleted and replaced", () => {
    const view = viewWith({ dataNodes: 1, parsers: 0 }, working("d1", T, { lost: { at: T + 50_000, how: "silent" } }));
    expect(act(view, 60, {})).toEqual([
      { kind: "cancel", jobName: "d1", reason: "the node is lost: silent" },
      { kind: "submit", role: "es-data", replaces: "d1" },
    ]);
  });
});
