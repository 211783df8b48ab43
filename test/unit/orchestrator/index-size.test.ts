import { expect, it } from "vitest";
import { indexBytesOf, segmentsOf } from "../../../orchestrator/index-size.ts";

/** Documents in one index of a day, and the bytes of its only segment: Elasticsearch 8.19.21, lines of the sample archive. */
const MEASURED = {
  "standard, stored": [
    [1475, 275_989],
    [7316, 1_055_439],
    [29_305, 3_704_708],
    [72_556, 8_784_918],
  ],
  "logsdb, synthetic": [
    [1475, 250_475],
    [7316, 885_869],
    [29_305, 3_082_797],
    [72_556, 7_338_103],
  ],
} as const;

it.each(Object.entries(MEASURED))("from one size tells the others: %s", (_, sizes) => {
  for (const [documents, bytes] of sizes) {
    const density = { bytesPerDocument: bytes / documents, documents, segments: 1 };
    for (const [others, wanted] of sizes) {
      const share = indexBytesOf([{ documents: others, density }], 1, 1) / wanted;
      expect(share).toBeGreaterThan(0.9);
      expect(share).toBeLessThan(1.1);
    }
  }
});

it("is what was measured, for as many documents", () => {
  const density = { bytesPerDocument: 130, documents: 10_000, segments: 1 };
  expect(indexBytesOf([{ documents: 310_000, density }], 31, 1)).toBeCloseTo(310_000 * 130, 3);
});

it("counts what an index takes anyway once for each that has documents", () => {
  const density = { bytesPerDocument: 130, documents: 10_000, segments: 1 };
  expect(indexBytesOf([], 31, 1)).toBe(0);
  expect(indexBytesOf([{ documents: 0, density }], 31, 1)).toBe(0);
  const half = { documents: 5000, density };
  expect(indexBytesOf([half, half], 31, 1)).toBeCloseTo(indexBytesOf([{ documents: 10_000, density }], 31, 1), 3);
  expect(indexBytesOf([{ documents: 3, density }], 31, 1)).toBeLessThan(4 * 60_000);
});

it("is larger unmerged: a campaign of 310,000 lines of the sample, 31 days of 3 to 5 segments, had 48,519,995 bytes", () => {
  const density = { bytesPerDocument: 3_704_708 / 29_305, documents: 29_305, segments: 1 };
  const bytes = indexBytesOf([{ documents: 310_000, density }], 31, segmentsOf(0));
  expect(bytes / 48_519_995).toBeGreaterThan(0.95);
  expect(bytes / 48_519_995).toBeLessThan(1.05);
  expect(segmentsOf(2)).toBe(2);
});
