import { readdirSync, readFileSync } from "node:fs";
import type { Waiting } from "./source.ts";

/** How often a process is looked at: a load's figures are told once a second. */
const LOOK_MS = 100;

/**
 * Whether a process gets on no more because a disk or a network file system owes it bytes: one of its threads sleeps so that no signal wakes it, and none
 * works. File systems that sleep otherwise, as some in user space do, are not seen.
 * @source proc(5), /proc/pid/stat: the state `D`
 */
function isWaitingForDisk(pid: number): boolean {
  try {
    const states = readdirSync(`/proc/${String(pid)}/task`).map((thread) => {
      const stat = readFileSync(`/proc/${String(pid)}/task/${thread}/stat`, "latin1");
      return stat.charAt(stat.lastIndexOf(")") + 2);
    });
    return states.includes("D") && !states.includes("R");
  } catch {
    return false;
  }
}

/** Tells `waiting` when a process waits for a disk. @returns what ends it, in any number of calls */
export function watchDiskWait(pid: number, waiting: Waiting): () => void {
  let isThere: (() => void) | undefined;
  const timer = setInterval(() => {
    if (!isWaitingForDisk(pid)) {
      isThere?.();
      isThere = undefined;
    } else {
      isThere ??= waiting.begin();
    }
  }, LOOK_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    isThere?.();
    isThere = undefined;
  };
}
