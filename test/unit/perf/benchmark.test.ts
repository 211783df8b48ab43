import { expect, test } from "vitest";
import { atLeast, atMost } from "../../perf/benchmark.ts";
import { textTable } from "../../perf/table.ts";

test("a goal is met at its target, and never when nothing was measured", () => {
  expect(atLeast("speed", 2, 2)).toEqual({ name: "speed", target: 2, measured: 2, met: true });
  expect(atLeast("speed", 2, 1.99).met).toBe(false);
  expect(atMost("memory", 200, 200).met).toBe(true);
  expect(atMost("memory", 200, 201).met).toBe(false);
  expect(atLeast("speed", 2, undefined)).toEqual({ name: "speed", target: 2, measured: null, met: false });
  expect(atMost("memory", 200, undefined).met).toBe(false);
});

test("a table's columns are as wide as their widest cell, numbers on the right", () => {
  const columns = [
    { title: "name", text: (row: readonly [string, string]) => row[0] },
    { title: "n", right: true, text: (row: readonly [string, string]) => row[1] },
  ];
  expect(
    textTable(columns, [
      ["a", "1,000"],
      ["longer", "2"],
    ]),
  ).toBe("name        n\na       1,000\nlonger      2");
  expect(textTable(columns, [])).toBe("name  n");
});
