import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeTraversableDir, publish, withPartialDir } from "../../../../orchestrator/runtimes/partial-dir.ts";
import { withMachineLock } from "../../../../orchestrator/runtimes/machine-lock.ts";

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "gridharvest-partial-"))));
afterEach(() => rmSync(dir, { recursive: true }));

it("removes the directory when the work fails", async () => {
  const work = withPartialDir(dir, async (partial) => {
    writeFileSync(join(partial, "half"), "");
    throw new Error("disk full");
  });
  await expect(work).rejects.toThrow("disk full");
  expect(readdirSync(dir)).toEqual([]);
});

it("removes what a killed process left, and leaves a living one's alone", async () => {
  mkdirSync(join(dir, `.partial-${process.pid}-1-abandoned`));
  await withPartialDir(dir, async (outer) => {
    await withPartialDir(dir, async () => expect(existsSync(outer)).toBe(true));
    expect(readdirSync(dir)).toEqual([outer.slice(dir.length + 1)]);
  });
});

it("publishes once: the second finds the first's", () => {
  for (const name of ["a", "b"]) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, "content"), name);
  }
  expect(publish(join(dir, "a"), join(dir, "final"))).toBe(true);
  expect(publish(join(dir, "b"), join(dir, "final"))).toBe(false);
  expect(readdirSync(join(dir, "final"))).toEqual(["content"]);
});

it("opens the directories that it makes, whatever the umask is", () => {
  const before = process.umask(0o077);
  try {
    makeTraversableDir(join(dir, "a", "b"));
  } finally {
    process.umask(before);
  }
  expect(statSync(join(dir, "a")).mode & 0o777).toBe(0o755);
  expect(statSync(join(dir, "a", "b")).mode & 0o777).toBe(0o755);
});

it("lets one at a time through a lock of one name", async () => {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withMachineLock(dir, work)));
  expect(most).toBe(1);
});

it("goes on without the lock when patience ends", async () => {
  await withMachineLock(dir, async () => {
    expect(await withMachineLock(dir, async () => "done", { patienceMs: 1 })).toBe("done");
  });
});
