import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { firstUntraversable } from "../../orchestrator/runtimes/traverse.ts";
import { leftoverProcesses } from "./processes.ts";
import { terminateProcess } from "../../worker/contract/process.ts";
import { waitFor } from "./wait-for.ts";

/**
 * A state directory of this test file's own that Elasticsearch's unprivileged user can pass through. After the file's tests it
 * is checked that no process that has to do with it is left, and it is removed.
 *
 * Call it at the top of a `describe` or of a file; other `afterAll` hooks that stop services must be registered
 * later (vitest runs them last first). In a hook or a test vitest would take it for too late, and nothing would be checked and removed.
 * @throws Error when the system's temporary directory is closed to that user
 */
export function privateStateDir(label: string): string {
  const dir = mkdtempSync(join(tmpdir(), `gridharvest-test-${label}-`));
  chmodSync(dir, 0o755);
  const blocked = firstUntraversable(dir, 65534, 65534);
  if (blocked !== undefined)
    throw new Error(`tests need a temporary directory that everybody may pass; ${blocked} is closed`);
  afterAll(async () => {
    try {
      await checkNothingRuns(dir);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }, 60_000);
  return dir;
}

/**
 * Fails when processes that have to do with the directory are still there after a short while in which the last of them may end. They are killed, so that
 * they do not disturb the next test.
 */
export async function checkNothingRuns(dir: string, timeoutMs = 5_000): Promise<void> {
  try {
    await waitFor(`the processes below ${dir} to end`, () => leftoverProcesses(dir).length === 0, { timeoutMs });
  } catch {
    const left = leftoverProcesses(dir);
    await Promise.all(left.map((process) => terminateProcess(process, 0)));
    if (left.length === 0) return;
    const list = left.map(({ pid, command }) => `  ${pid} ${command.slice(0, 200)}`).join("\n");
    throw new Error(`the test left processes behind (killed now):\n${list}`);
  }
}
