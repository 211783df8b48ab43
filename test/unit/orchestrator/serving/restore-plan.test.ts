import { describe, expect, it } from "vitest";
import {
  countDifferences,
  planInto,
  planRestore,
  renamed,
  type IndexSight,
} from "../../../../orchestrator/serving/restore-plan.ts";

const ready: IndexSight = { kind: "ready" };
const coming: IndexSight = { kind: "coming" };
const unassigned = (fromSnapshot: boolean): IndexSight => ({
  kind: "unassigned",
  shard: 0,
  fromSnapshot,
  why: "NODE_LEFT",
});

describe("what a service restores", () => {
  const plan = (seen: Record<string, IndexSight>, { dataNodes = 1, over = [] as readonly string[] } = {}) =>
    planRestore(["a", "b", "c"], new Map(Object.entries(seen)), dataNodes, (index) => over.includes(index));

  it("is everything at first, and nothing when all is there", () => {
    expect(plan({})).toEqual({ missing: ["a", "b", "c"], lost: [], waiting: [] });
    expect(plan({ a: ready, b: ready, c: ready })).toEqual({ missing: [], lost: [], waiting: [] });
  });

  it("is only what an interrupted attempt had not begun", () => {
    expect(plan({ a: ready, b: coming })).toEqual({ missing: ["c"], lost: [], waiting: ["b"] });
  });

  it("is what went with a data node, once it does not come back", () => {
    const seen = { a: ready, b: unassigned(false), c: unassigned(false) };
    expect(plan(seen)).toEqual({ missing: [], lost: [], waiting: ["b", "c"] });
    expect(plan(seen, { over: ["b"] })).toEqual({ missing: [], lost: ["b"], waiting: ["c"] });
  });

  it("waits for its turn while others are restored, but not for ever", () => {
    const over = ["b", "c"];
    expect(plan({ a: coming, b: unassigned(true), c: ready }, { over })).toMatchObject({
      lost: [],
      waiting: ["a", "b"],
    });
    expect(plan({ a: ready, b: unassigned(true), c: ready }, { over })).toMatchObject({ lost: ["b"], waiting: [] });
    // What went with a node has no turn to wait for.
    expect(plan({ a: coming, b: unassigned(false), c: ready }, { over })).toMatchObject({ lost: ["b"] });
  });

  it("removes nothing while there is no node that could take it", () => {
    expect(plan({ a: unassigned(false) }, { dataNodes: 0, over: ["a"] })).toMatchObject({ lost: [], waiting: ["a"] });
  });
});

describe("what restore-into does", () => {
  const index = (name: string, due: number) => ({ from: name, to: name, due });
  const indices = [index("a", 3), index("b", 5)];
  const plan = (seen: Record<string, IndexSight>, counts: Record<string, number | undefined> = {}) => {
    const { restore, leave, wait, conflicts } = planInto(
      indices,
      new Map(Object.entries(seen)),
      new Map(Object.entries(counts)),
    );
    const names = (list: readonly { readonly to: string }[]) => list.map(({ to }) => to);
    return {
      restore: names(restore),
      leave: names(leave),
      wait: names(wait),
      conflicts: conflicts.map(({ index: { to }, why }) => `${to}: ${why}`),
    };
  };

  it("restores what is not there and leaves what is right", () => {
    expect(plan({})).toEqual({ restore: ["a", "b"], leave: [], wait: [], conflicts: [] });
    expect(plan({ a: ready }, { a: 3 })).toEqual({ restore: ["b"], leave: ["a"], wait: [], conflicts: [] });
    expect(plan({ a: ready, b: ready }, { a: 3, b: 5 })).toMatchObject({ restore: [], leave: ["a", "b"] });
  });

  it("waits for what an interrupted call has begun", () => {
    expect(plan({ a: coming, b: unassigned(true) })).toEqual({
      restore: [],
      leave: [],
      wait: ["a", "b"],
      conflicts: [],
    });
  });

  it("names what is there and differs", () => {
    expect(plan({ a: ready, b: unassigned(false) }, { a: 4 })).toMatchObject({
      restore: [],
      conflicts: ["a: it has 4 documents, the ledger 3", "b: its data are gone (NODE_LEFT)"],
    });
    expect(plan({ a: ready }, { a: undefined })).toMatchObject({
      restore: ["b"],
      conflicts: ["a: it cannot be counted, the ledger 3"],
    });
  });

  it("gives other names", () => {
    expect(renamed("archive-{index}", "logs-x")).toBe("archive-logs-x");
    expect(renamed("{index}", "a$1")).toBe("a$1");
  });
});

describe("counts", () => {
  it("agree or are named", () => {
    const due = new Map([
      ["a", 3],
      ["b", 0],
      ["c", 1],
    ]);
    expect(countDifferences(due, new Map([...due]))).toEqual([]);
    expect(
      countDifferences(
        due,
        new Map([
          ["a", 2],
          ["b", 0],
        ]),
      ),
    ).toEqual(["index a: 2 documents, the ledger has 3", "index c: no count, the ledger has 1"]);
  });
});
