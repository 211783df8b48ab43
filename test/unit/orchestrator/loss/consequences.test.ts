import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { awaitedNodes, placesFor, rowsToReload } from "../../../../orchestrator/loss/consequences.ts";
import { reloadText } from "../../../../orchestrator/loss/record.ts";
import { unbalancedRows } from "../../../../orchestrator/ledger.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../../../worker/contract/ledger.ts";
import { T, viewWith, working } from "../jobs/job-views.ts";

function row(chunk: string, perIndex: Readonly<Record<string, number>>, duplicate = 0): LedgerRow {
  const stored = Object.values(perIndex).reduce((sum, n) => sum + n, 0);
  return {
    chunk,
    fileId: chunk,
    attempt: 1,
    worker: "p1",
    counts: { ...ZERO_COUNTS, read: stored, written: stored - duplicate, duplicate },
    perIndex,
    droppedBy: {},
    rejectedBy: {},
    unparsedBy: {},
    covered: [0, 1],
    millis: 1,
    parseCpuMicros: 1,
  };
}

describe("the chunks to load again", () => {
  const rows = [row("a", { monday: 3 }), row("b", { monday: 1, tuesday: 2 }), row("c", { tuesday: 5 }), row("d", {})];
  it.each<[readonly string[], readonly string[]]>([
    [[], []],
    [["monday"], ["a", "b"]],
    [["tuesday"], ["b", "c"]],
    [
      ["monday", "tuesday"],
      ["a", "b", "c"],
    ],
    [["sunday"], []],
  ])("of the lost indices %j: %j", (indices, chunks) => {
    const lost = indices.flatMap((index) => [
      { index, shard: 0 },
      { index, shard: 1 },
    ]);
    expect(rowsToReload(rows, lost).map(({ chunk }) => chunk)).toEqual(chunks);
  });
});

describe("replays to do again", () => {
  const replay = (chunk: string, of: string, n: number, perIndex: Readonly<Record<string, number>>): LedgerRow => ({
    ...row(`${chunk}-r${String(n)}`, perIndex),
    replay: { chunk, of, attempt: 1, pipeline: "p" },
  });
  const rows = [
    replay("a", "a-r1", 2, { tuesday: 1 }),
    row("a", { monday: 1 }),
    replay("a", "a", 1, {}),
    row("b", { tuesday: 1 }),
    replay("b", "b", 1, { wednesday: 1 }),
    replay("b", "b-r1", 2, {}),
  ];
  it.each([
    ["those of a chunk that waits again, whatever they had written", "monday", ["a-r2", "a", "a-r1"]],
    ["those that lost documents, and those behind them", "wednesday", ["b-r1", "b-r2"]],
    ["both", "tuesday", ["a-r2", "b", "b-r1", "b-r2"]],
  ])("%s", (_, index, chunks) => {
    expect(rowsToReload(rows, [{ index, shard: 0 }]).map(({ chunk }) => chunk)).toEqual(chunks);
  });
});

describe("whose return is waited for", () => {
  it("nodes that worked and are no members, unless they are known to be gone", () => {
    const view = viewWith(
      { dataNodes: 6, parsers: 1 },
      working("d1"),
      working("d2"),
      working("d3", T, { lost: { at: T, how: "silent" } }),
      working("d4", T, { ended: { at: T, exit: 1, how: "" } }),
      { name: "d5", startedAt: T, certifiedAt: T },
      working("p1"),
    );
    expect(awaitedNodes(view, new Map([["d1", 0]]))).toEqual(["d2"]);
    expect(awaitedNodes(view, new Set(["d1", "d2"]))).toEqual([]);
  });
});

describe("where empty primaries go", () => {
  const shards = ["a", "b", "c", "d"].map((index) => ({ index, shard: 0 }));
  it("to the nodes that hold the fewest", () => {
    const nodes = new Map([
      ["d1", { shards: 5 }],
      ["d2", { shards: 3 }],
      ["d3", { shards: 4 }],
    ]);
    expect(placesFor(shards, nodes).map(({ node }) => node)).toEqual(["d2", "d2", "d3", "d1"]);
  });
  it("nowhere without nodes", () => expect(placesFor(shards, new Map())).toEqual([]));
});

describe("the text of a loss", () => {
  const shards = [{ index: "a", shard: 0 }];
  it("says what is done, then what was", () => {
    expect(reloadText({ nodes: ["d1"], shards })).toBe(
      "1 shards went with the data nodes d1: their chunks are being put back into the spool",
    );
    expect(reloadText({ nodes: [], shards, done: { attempts: 2, chunks: 3, documents: 40, bytes: 5 } })).toContain(
      "3 committed chunks (40 documents) and 2 that were in work are loaded again",
    );
  });
});

/**
 * The whole rule against a model of store and spool: documents are sets of ids, an attempt writes some of its chunk's lines at a time and
 * commits when all are there, losses empty indices at any moment, and more may happen before the orchestrator notices.
 */
describe("a load with losses", () => {
  const INDICES = ["monday", "tuesday", "wednesday"];

  class Model {
    readonly stored = new Map(INDICES.map((index) => [index, new Set<string>()]));
    readonly lost = new Set<string>();
    readonly waiting: string[];
    readonly active = new Map<string, { next: number; written: number; duplicate: number }>();
    readonly ledger = new Map<string, LedgerRow>();
    readonly attempts = new Map<string, number>();
    readonly chunks: ReadonlyMap<string, readonly string[]>;

    constructor(chunks: ReadonlyMap<string, readonly string[]>) {
      this.chunks = chunks;
      this.waiting = [...chunks.keys()];
    }
    take(): void {
      const chunk = this.waiting.shift();
      if (chunk === undefined) return;
      this.active.set(chunk, { next: 0, written: 0, duplicate: 0 });
      this.attempts.set(chunk, (this.attempts.get(chunk) ?? 0) + 1);
    }
    /** One line of the oldest attempt; nothing while its index has no primary. */
    write(turn: number): void {
      const [chunk, attempt] = [...this.active][turn % Math.max(1, this.active.size)] ?? [];
      if (chunk === undefined || !attempt) return;
      const lines = this.chunks.get(chunk) ?? [];
      const index = lines[attempt.next];
      if (index === undefined) {
        this.commit(chunk, attempt);
        return;
      }
      if (this.lost.has(index)) return;
      const documents = this.stored.get(index);
      const id = `${chunk}:${String(attempt.next)}`;
      if (documents?.has(id)) attempt.duplicate += 1;
      else attempt.written += 1;
      documents?.add(id);
      attempt.next += 1;
    }
    commit(chunk: string, { duplicate }: { readonly duplicate: number }): void {
      this.active.delete(chunk);
      const perIndex: Record<string, number> = {};
      for (const index of this.chunks.get(chunk) ?? []) perIndex[index] = (perIndex[index] ?? 0) + 1;
      this.ledger.set(chunk, row(chunk, perIndex, duplicate));
    }
    lose(index: string): void {
      this.stored.get(index)?.clear();
      this.lost.add(index);
    }
    /** What `reload.ts` does, in its order. */
    reload(): { ended: number; back: number } {
      const ended = [...this.active.keys()];
      this.active.clear();
      const shards = [...this.lost].map((index) => ({ index, shard: 0 }));
      this.lost.clear();
      const back = rowsToReload(this.ledger.values(), shards).map(({ chunk }) => chunk);
      for (const chunk of back) this.ledger.delete(chunk);
      this.waiting.push(...ended, ...back);
      return { ended: ended.length, back: back.length };
    }
  }

  it("ends with each line stored once and counted once, whatever was lost when", () => {
    const chunk = fc.array(fc.constantFrom(...INDICES), { maxLength: 5 });
    const event = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("take" as const) }) },
      { weight: 9, arbitrary: fc.record({ kind: fc.constant("write" as const), turn: fc.nat(5) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose" as const), index: fc.constantFrom(...INDICES) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("reload" as const) }) },
    );
    fc.assert(
      fc.property(
        fc.array(chunk, { minLength: 1, maxLength: 6 }),
        fc.array(event, { maxLength: 80 }),
        (lines, events) => {
          const model = new Model(new Map(lines.map((list, i) => [`c${String(i)}`, list])));
          let again = 0;
          const reload = (): void => {
            const { ended, back } = model.reload();
            again += ended + back;
          };
          for (const happens of events) {
            if (happens.kind === "take") model.take();
            else if (happens.kind === "write") model.write(happens.turn);
            else if (happens.kind === "lose") model.lose(happens.index);
            else if (model.lost.size > 0) reload();
          }
          if (model.lost.size > 0) reload();
          while (model.waiting.length + model.active.size > 0) {
            model.take();
            for (let i = 0; i < 7; i++) model.write(0);
          }
          const rows = [...model.ledger.values()];
          expect(rows).toHaveLength(lines.length);
          expect(unbalancedRows(rows)).toEqual([]);
          for (const index of INDICES) {
            const booked = rows.reduce((sum, { perIndex }) => sum + (perIndex[index] ?? 0), 0);
            expect(model.stored.get(index)?.size, index).toBe(booked);
          }
          // And nothing else was loaded again.
          const attempts = [...model.attempts.values()].reduce((sum, n) => sum + n, 0);
          expect(attempts).toBe(lines.length + again);
        },
      ),
      { numRuns: 500 },
    );
  });
});
