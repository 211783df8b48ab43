import { expect, test } from "vitest";
import { idsGoals } from "../../../perf/ids/figures.ts";
import { WAYS } from "../../../perf/ids/ways.ts";
import { rowOf, type Load } from "../../../perf/store/load-row.ts";

const load = (storeMicros: number, senderMicros = 2000): Load => ({
  documents: 1000,
  storeMicros,
  senderMicros,
  wallMicros: 10_000,
  storeBytes: 50_000,
});

test("a row has the medians of its rounds, a document", () => {
  expect(rowOf({ name: "n", note: "x" }, [load(17_000), load(15_000), load(40_000)])).toEqual({
    name: "n",
    note: "x",
    rounds: 3,
    documents: 1000,
    store: 17,
    sender: 2,
    documentsPerSecond: 100_000,
    bytesPerDocument: 50,
  });
});

test("goals compare loads of the same round, so that a busy minute is busy for both", () => {
  const loads = new Map([
    ["derived", [load(20_000), load(80_000), load(10_000)]],
    ["store", [load(16_000), load(64_000), load(8000)]],
  ]);
  const [store, sender, both, tag] = idsGoals(loads);
  expect(store).toMatchObject({ measured: 0.8, met: true });
  expect(sender).toMatchObject({ measured: 1, met: true });
  expect(both?.measured).toBeCloseTo(18 / 22);
  expect(tag).toMatchObject({ measured: null, met: false });
});

test("what is changed of a batch leaves it a body of the same length and documents", () => {
  const document = '{"@attempt":"0a1b2c3d4e","@timestamp":"t","message":"m"}\n';
  const one = `{"create":{"_index":"i"}}\n${document}`;
  for (const { change } of WAYS) {
    if (!change) continue;
    const body = new Uint8Array(Buffer.from(one + one));
    const lengths = Uint32Array.of(one.length, one.length);
    change({ body, lengths, count: 2 } as Parameters<typeof change>[0]);
    const lines = Buffer.from(body).toString().trimEnd().split("\n");
    expect(lines.length).toBe(4);
    for (const line of lines) expect(Object.keys(JSON.parse(line) as object).length).toBeGreaterThan(0);
    expect(Buffer.from(body).toString()).not.toBe(one + one);
  }
});
