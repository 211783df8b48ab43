import { expect, it } from "vitest";
import {
  choiceName,
  choicesFor,
  figuresOf,
  measuredIndex,
  type ChoiceResult,
  type Load,
} from "../../../../orchestrator/comparing/choices.ts";
import { indexBytesOf } from "../../../../orchestrator/index-size.ts";
import { comparisonText } from "../../../../orchestrator/comparing/comparison-text.ts";
import { DEFAULT_CHOICE, type IndexChoice } from "../../../../orchestrator/profiles.ts";

const load = (storeMicros: number, a: number, b: number, rejected = 0): Load => ({
  storeMicros,
  documents: 30,
  rejected,
  bytes: new Map([
    ["a", { bytes: a, documents: 10 }],
    ["b", { bytes: b, documents: 20 }],
  ]),
});
const planned = new Map([
  ["a", 1000],
  ["b", 100],
  ["unsampled", 10],
]);

it("the default comes first, and the configured choice is among them, each once", () => {
  const names = (configured: IndexChoice): string[] => choicesFor(configured).map(choiceName);
  const usual = names(DEFAULT_CHOICE);
  expect(usual[0]).toBe("standard, stored, best_compression");
  expect(new Set(usual).size).toBe(usual.length);
  expect(names({ mode: "logsdb", source: "synthetic", codec: "default" })).toEqual([
    ...usual,
    "logsdb, synthetic, default",
  ]);
});

it("services count as the plan has them, whatever the sample holds of each", () => {
  const figures = figuresOf([load(300, 1000, 400), load(600, 1200, 400, 2), load(390, 1100, 400)], planned, 31);
  expect(figures.storeMicrosPerDocument).toBe(13);
  expect(figures.services).toEqual([
    { service: "a", bytesPerDocument: 110, documents: 10, segments: 1 },
    { service: "b", bytesPerDocument: 20, documents: 20, segments: 1 },
  ]);
  // 1,500 bytes of 30 documents.
  expect(figures.otherwise).toEqual({ bytesPerDocument: 50, documents: 15, segments: 1 });
  const [a, b] = figures.services;
  const parts = [
    { documents: 1000, density: a! },
    { documents: 100, density: b! },
    { documents: 10, density: figures.otherwise },
  ];
  expect(figures.indexBytes).toBe(Math.round(indexBytesOf(parts, 31, 1)));
  expect(figures.indexBytesPerDocument).toBeCloseTo(figures.indexBytes / 1110, 1);
  expect(figures).toMatchObject({ rounds: 3, rejected: 2 });
});

const results: readonly ChoiceResult[] = [
  {
    name: "first",
    choice: DEFAULT_CHOICE,
    isConfigured: false,
    figures: figuresOf([load(300, 1000, 400)], planned, 31),
  },
  {
    name: "second",
    choice: { mode: "logsdb", source: "stored", codec: "default" },
    isConfigured: true,
    figures: figuresOf([load(600, 500, 200, 1)], planned, 31),
  },
  {
    name: "third",
    choice: { mode: "logsdb", source: "synthetic", codec: "default" },
    isConfigured: false,
    problem: "no licence",
  },
];

it("the plan goes by the configured choice, or by nothing when the store would not do it", () => {
  expect(measuredIndex(results)?.densities.get("a")).toMatchObject({ bytesPerDocument: 50, documents: 10 });
  expect(measuredIndex(results)?.otherwise.bytesPerDocument).toBeCloseTo(700 / 30, 9);
  expect(measuredIndex(results.slice(2).map((one) => ({ ...one, isConfigured: true })))).toBeUndefined();
});

it("the table has a row for each that was measured, relative to the default, and says why others were not", () => {
  const sample = { files: 3, lines: 30, bytes: 3000, documents: 30 };
  const text = comparisonText({ sample, choices: results }, "a cluster");
  const [head, , first, second, last] = text.split("\n");
  expect(head).toContain("30 documents of 3 files, 2.9 KiB of lines, 1 rounds, a cluster");
  expect(first?.split(/ {2,}/).slice(0, 7)).toEqual([
    "standard",
    "stored",
    "best_compression",
    results[0]!.figures!.indexBytesPerDocument.toFixed(1),
    "1.00",
    "10.0",
    "1.00",
  ]);
  expect(second?.split(/ {2,}/).slice(3, 7)).toEqual([
    results[1]!.figures!.indexBytesPerDocument.toFixed(1),
    (results[1]!.figures!.indexBytesPerDocument / results[0]!.figures!.indexBytesPerDocument).toFixed(2),
    "20.0",
    "2.00",
  ]);
  expect(second).toMatch(/configured, 1 documents rejected$/);
  expect(last).toBe("third: no licence");
});
