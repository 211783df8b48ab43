import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const PROGRAM = join(import.meta.dirname, "..", "..", "support", "count-results.mjs");

function count(files: Readonly<Record<string, string>>): {
  readonly all: readonly string[];
  readonly last: string | undefined;
  readonly status: number | null;
} {
  const dir = mkdtempSync(join(tmpdir(), "gridharvest-count-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    const { stdout, status } = spawnSync(process.execPath, [PROGRAM, dir], { encoding: "utf8" });
    const all = stdout.trim().split("\n");
    return { all, last: all.at(-1), status };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const report = (passed: number, failed: number) => JSON.stringify({ numPassedTests: passed, numFailedTests: failed });

it.each([
  ["all well", { "tests.status": "0", "tests.json": report(7, 0), "demo.status": "0" }, "8 passed, 0 failed", 0],
  ["a failed test", { "tests.status": "1", "tests.json": report(6, 1), "demo.status": "0" }, "7 passed, 1 failed", 1],
  ["a failed demo", { "tests.status": "0", "tests.json": report(7, 0), "demo.status": "3" }, "7 passed, 1 failed", 1],
  ["a failed set-up", { "tests.status": "2", "demo.status": "2" }, "0 passed, 2 failed", 1],
  ["a leak", { "tests.status": "1", "tests.json": report(7, 0) }, "7 passed, 1 failed", 1],
  ["no tests", { "tests.status": "0", "tests.json": report(0, 0) }, "0 passed, 1 failed", 1],
])("%s", (_name, files, last, status) =>
  expect(count(files as Record<string, string>)).toMatchObject({ last, status }),
);

it("tells where the time went, and what failed", () => {
  const file = (name: string, seconds: number, status: string) => {
    const assertionResults = [{ status, fullName: `${name} holds` }];
    return { name: join(process.cwd(), name), startTime: 0, endTime: seconds * 1000, assertionResults };
  };
  const testResults = [file("a.test.ts", 2, "passed"), file("b.test.ts", 30, "failed")];
  const json = JSON.stringify({ numPassedTests: 1, numFailedTests: 1, testResults });
  expect(count({ "tests.status": "1", "tests.json": json }).all).toEqual([
    "seconds of the slowest test files",
    "    30  b.test.ts",
    "     2  a.test.ts",
    "failed: b.test.ts: b.test.ts holds",
    "1 passed, 1 failed",
  ]);
});
