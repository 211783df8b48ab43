import { readdirSync, readFileSync } from "node:fs";

/**
 * A process, told apart from a later one with the same number: the kernel's start
 * time (clock ticks since boot, field 22 of /proc/PID/stat) goes with the id.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

/**
 * The identity of a live process; undefined when there is none or it is a zombie. One whose leading thread has ended and others have not is alive:
 * it still holds its files and listens at its ports.
 * @source proc(5)
 */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The command name stands in parentheses and may itself contain any of both.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if ((fields[0] === "Z" || fields[0] === "X") && !hasOtherThreads(pid)) return undefined;
  return { pid, startTicks: Number(fields[19]) };
}

function hasOtherThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${String(pid)}/task`).length > 1;
  } catch {
    return false;
  }
}

/** Names this boot of this machine: process ids and start times of another one mean nothing. @source proc(5), random(4) */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTicks === identity.startTicks;
}

/** Sends the signal only if the process is still the same one. Returns whether it was sent. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** TERM, then KILL after the grace. Resolves when the process is gone. Already gone is success. */
export async function terminateProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  if (!signalProcess(identity, "SIGTERM")) return;
  const killAt = Date.now() + graceMs;
  let killed = false;
  while (isAlive(identity)) {
    if (!killed && Date.now() >= killAt) {
      signalProcess(identity, "SIGKILL");
      killed = true;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
