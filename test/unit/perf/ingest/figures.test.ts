import { expect, test } from "vitest";
import { ingestGoals, ingestRow, type Entry } from "../../../perf/ingest/figures.ts";
import type { Load } from "../../../perf/store/load-row.ts";

/** A load of a thousand documents. */
const load = (wallMicros: number, storeMicros = 12_000, senderMicros = 2000): Load => ({
  documents: 1000,
  wallMicros,
  storeMicros,
  senderMicros,
  storeBytes: 60_000,
});

const entry = (
  kind: Entry["contender"]["kind"],
  ids: Entry["contender"]["ids"],
  loads: Entry["loads"],
  more: Partial<Entry> = {},
): Entry => ({ contender: { name: kind, kind, ids, note: "n" }, loads, failures: [], ...more });

const ENTRIES: readonly Entry[] = [
  entry("ceiling", "store", [load(9000, 12_500, 500), load(90_000, 12_500, 500)]),
  entry("gridharvest", "store", [load(10_000), load(100_000)]),
  entry("ceiling", "derived", [load(12_000), load(120_000)]),
  entry("gridharvest", "derived", [load(12_000), load(150_000)]),
  entry("peer", "store", [load(13_000), load(130_000)]),
  entry("peer", "derived", [load(15_000), load(150_000)]),
  entry("peer", "store", [], { missing: "apt-get install it" }),
];

test("a contender stands beside the ceiling with the same ids, in the same round", () => {
  const row = ingestRow(ENTRIES[1]!, ENTRIES);
  expect(row).toMatchObject({ store: 12, sender: 2, rounds: 2, missing: null });
  expect(row.ofCeiling).toBeCloseTo(0.9);
  expect(row.ofCeilingByCpu).toBeCloseTo(13 / 14);
  expect(ingestRow(ENTRIES[3]!, ENTRIES).ofCeiling).toBeCloseTo((1 + 0.8) / 2);
});

test("one that is not here has a row without figures", () => {
  expect(ingestRow(ENTRIES[6]!, ENTRIES)).toMatchObject({ missing: "apt-get install it", ofCeiling: null });
  expect(ingestRow(ENTRIES[6]!, ENTRIES).store).toBeUndefined();
});

test("goals are of the fastest peer, and of the fastest with own ids", () => {
  const measured = ingestGoals(ENTRIES).map((goal) => goal.measured);
  expect(measured[0]).toBeCloseTo(0.9);
  expect(measured[1]).toBeCloseTo(0.9);
  expect(measured.slice(2, 4)).toEqual([2, 2]);
  expect(measured[4]).toBeCloseTo(1.3);
  expect(measured[5]).toBeCloseTo(1.5);
  expect(measured[6]).toBe(0);
});

test("a round that failed is left out of the ratios, and counted against us", () => {
  const failed = entry("gridharvest", "store", [undefined, load(100_000)], { failures: ["1 lost"] });
  const entries = ENTRIES.with(1, failed);
  const goals = ingestGoals(entries);
  expect(goals[0]?.measured).toBeCloseTo(0.9);
  expect(goals.at(-1)).toMatchObject({ measured: 1, met: false });
  const peer = entry("peer", "store", [undefined, undefined], { failures: ["1 lost", "1 lost"] });
  const withPeer = ingestGoals(ENTRIES.with(4, peer));
  expect(withPeer[4]?.measured).toBeCloseTo(1.5);
  expect(withPeer.at(-1)).toMatchObject({ measured: 0, met: true });
});

test("without peers nothing is faster than one", () => {
  const goals = ingestGoals(ENTRIES.slice(0, 4));
  expect(goals[4]).toMatchObject({ measured: null, met: false });
});
