import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";

import { localPaths } from "./settings.ts";

const PATIENCE_SECONDS = 60;

/**
 * Runs `action` while nobody else holds the batch system's lock. The lock belongs to the
 * open file and not to a process's promise to give it back: the kernel releases it when
 * its holder ends, however it ends, so there is no stale lock to be stolen.
 *
 * Node has no flock(2) of its own. `flock FD` from util-linux (an essential package) locks
 * the open file that it shares with us and ends; the lock stays ours.
 * @source flock(2): "Locks created by flock() are associated with an open file description"
 */
export function withLock<T>(dir: string, action: () => T): T {
  const file = localPaths(dir).lock;
  const fd = openSync(file, "a", 0o600);
  try {
    const { status, error, stderr } = spawnSync("flock", ["-x", "-w", String(PATIENCE_SECONDS), "3"], {
      stdio: ["ignore", "ignore", "pipe", fd],
      encoding: "utf8",
    });
    if (error) throw new Error(`cannot run flock (package util-linux): ${error.message}`);
    if (status !== 0) throw new Error(`no lock on ${file} within ${String(PATIENCE_SECONDS)} s: ${stderr.trim()}`);
    return action();
  } finally {
    closeSync(fd);
  }
}
