import { expect, test } from "vitest";
import { searchGoals, searchReport, searchRow, WAYS } from "../../../perf/search/report.ts";

const LABEL = { name: "it", note: "n" };
const MILLIS = { first: [2, 4, 100], all: [50, 100, 10], raw: [2000, 4000, 3000], compressed: [9000, 9000, 9000] };

test("ways are compared with the raw files of the same round", () => {
  expect(searchRow("first", LABEL, MILLIS)).toMatchObject({ millis: 4, timesRaw: 1000 });
  expect(searchRow("compressed", LABEL, MILLIS).timesRaw).toBeCloseTo(1 / 3);
  const [first, all] = searchGoals(MILLIS);
  expect(first).toMatchObject({ measured: 1000, met: true });
  expect(all).toMatchObject({ measured: 40, met: true });
});

test("the report says of what and how much", () => {
  const rows = WAYS.map((way) => searchRow(way, LABEL, MILLIS));
  const month = { rawBytes: 1.5e9, compressedBytes: 2e8, lines: 10_000_000, files: 85 };
  const text = searchReport(rows, searchGoals(MILLIS), month, { user: "eva", lines: 1000, rounds: 3 });
  expect(text).toContain("eva: 1,000 of 10,000,000 lines; 1.50 GB in 85 files, 0.20 GB compressed");
});
