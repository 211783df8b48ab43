import type { Redis } from "ioredis";
import { expect, it } from "vitest";
import type { Cluster } from "../../../orchestrator/cluster.ts";
import { removeLeftovers } from "../../../orchestrator/leftovers.ts";
import type { FailedJob, Spool } from "../../../orchestrator/spool.ts";
import { campaignKeys } from "../../../worker/contract/keys.ts";
import type { LedgerRow } from "../../../worker/contract/ledger.ts";

interface Document {
  readonly tag?: string;
  readonly file: string;
  readonly offset: number;
}

/** A store with late writers: whenever it is open, and whenever it closes, the next of their documents comes in. */
class LateStore {
  readonly documents: Document[];
  isOpen = true;
  readonly #late: Document[];
  #seen: readonly Document[] = [];

  constructor(documents: readonly Document[], late: readonly Document[] = []) {
    this.documents = [...documents];
    this.#late = [...late];
  }

  get cluster(): Cluster {
    const remove = (matches: (one: Document) => boolean): number => {
      if (!this.isOpen) throw new Error("closed");
      const kept = this.documents.filter((one) => !matches(one));
      const removed = this.documents.length - kept.length;
      this.documents.splice(0, Infinity, ...kept);
      return removed;
    };
    const inRange =
      (file: string, [from, to]: readonly [number, number]) =>
      (one: Document) =>
        one.file === file && one.offset >= from && one.offset < to;
    return {
      allowWrites: async () => void (this.isOpen = true),
      blockWrites: async () => {
        this.documents.push(...this.#late.splice(0, 1));
        this.isOpen = false;
      },
      refresh: async () => void (this.#seen = [...this.documents]),
      countByAttempts: async (_: unknown, tags: readonly string[]) =>
        this.#seen.filter(({ tag }) => tag !== undefined && tags.includes(tag)).length,
      deleteByAttempts: async (_: unknown, tags: readonly string[]) =>
        remove(({ tag }) => tag !== undefined && tags.includes(tag)),
      countsByRange: async (_: unknown, file: string, ranges: readonly (readonly [number, number])[]) =>
        ranges.map((range) => this.#seen.filter(inRange(file, range)).length),
      deleteRange: async (_: unknown, file: string, range: readonly [number, number]) => remove(inRange(file, range)),
    } as unknown as Cluster;
  }
}

/** @param tags that were given out; @param committed those that rows name */
function sweep(store: LateStore, tags: readonly string[], committed: readonly string[], failed: FailedJob[] = []) {
  const spool = {
    async *rows() {
      for (const tag of committed) yield { tag } as LedgerRow;
    },
  } as unknown as Spool;
  const redis = { hkeys: () => Promise.resolve(tags) } as unknown as Redis;
  const ctx = { cluster: store.cluster, redis, keys: campaignKeys("c"), spool };
  return removeLeftovers(ctx, ["i"], failed, new AbortController().signal);
}

const of = (tag: string, count: number): Document[] =>
  Array.from({ length: count }, (_, offset) => ({ tag, file: "f", offset }));

it("what the ledger does not name goes, and the indices are closed", async () => {
  const store = new LateStore([...of("a", 3), ...of("b", 4), ...of("unknown", 1)]);
  expect(await sweep(store, ["a", "b", "c"], ["b"])).toBe(3);
  expect(store.documents.map(({ tag }) => tag)).toEqual(["b", "b", "b", "b", "unknown"]);
  expect(store.isOpen).toBe(false);
});

it("nothing is deleted where nothing was left, and the indices are closed", async () => {
  const store = new LateStore([{ file: "f", offset: 0 }, ...of("b", 1)]);
  expect(await sweep(store, ["b"], ["b"])).toBe(0);
  expect(await sweep(store, [], [])).toBe(0);
  expect(store.documents.length).toBe(2);
  expect(store.isOpen).toBe(false);
});

it("what comes in while it is swept goes too, however often", async () => {
  const store = new LateStore(of("b", 2), [...of("a", 1), ...of("a", 1), ...of("c", 1)]);
  expect(await sweep(store, ["a", "b", "c"], ["b"])).toBe(3);
  expect(store.documents).toEqual(of("b", 2));
  expect(store.isOpen).toBe(false);
});

it("the ranges of failed chunks are emptied, whoever made the ids", async () => {
  const chunk = { origin: { path: "f" }, range: { start: 1, end: 3 } };
  const store = new LateStore([0, 1, 2, 3].map((offset) => ({ file: "f", offset })));
  expect(await sweep(store, [], [], [{ queue: "parse", id: "1", reason: "", attempts: 1, chunk } as FailedJob])).toBe(
    2,
  );
  expect(store.documents.map(({ offset }) => offset)).toEqual([0, 3]);
  expect(store.isOpen).toBe(false);
});
