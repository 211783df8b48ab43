import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkNothingRuns, leftoverProcesses, waitFor } from "../../support/index.ts";

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "gridharvest-leak-"))));
afterEach(() => rmSync(dir, { recursive: true }));

it.each([
  ["works in it", () => spawn("sleep", ["60"], { cwd: dir })],
  ["was given it", () => spawn("sh", ["-c", "sleep 60 & wait", `${dir}/x`])],
  ["has it in its environment", () => spawn("sleep", ["60"], { env: { ...process.env, SOME_DIR: dir } })],
])("finds a process that %s, kills it and fails", async (_how, start) => {
  const child = start();
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await waitFor("the process", () => leftoverProcesses(dir).length > 0);
  expect(leftoverProcesses(dir).map(({ pid }) => pid)).toContain(child.pid);
  expect(leftoverProcesses(dir.slice(0, -1))).toEqual([]);
  await expect(checkNothingRuns(dir, 0)).rejects.toThrow(/left processes behind \(killed now\):\n {2}\d+ (sleep|sh)/);
  await ended;
  for (const { pid } of leftoverProcesses(dir)) process.kill(pid, "SIGKILL");
});

it("is content when nothing runs", async () => expect(await checkNothingRuns(dir)).toBeUndefined());

it("says what it waited for, and why it was not yet", async () => {
  const waiting = waitFor("the moon", () => Promise.reject(new Error("behind clouds")), { timeoutMs: 1 });
  await expect(waiting).rejects.toMatchObject({
    message: "waited 1 ms in vain for the moon",
    cause: new Error("behind clouds"),
  });
});
