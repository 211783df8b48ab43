import { spawn } from "node:child_process";
import {
  closeSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { StoreError } from "../../worker/contract/errors.ts";
import { identifyProcess, isAlive, signalProcess, type ProcessIdentity } from "../../worker/contract/process.ts";

/** The unprivileged user that a daemon runs as; absent: the caller's own. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/** A service process that outlives whoever starts it. Its directory is its working directory and holds all of its files. */
export interface DaemonSpec {
  readonly name: string;
  readonly dir: string;
  /** Absolute program, then arguments. One of them must contain `dir`: that and the working directory are how it is found again. */
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly runAs?: RunAs | undefined;
}

/** From the TERM of a service to its KILL. */
export const STOP_GRACE_MS = 10_000;
const LOG_ROTATE_BYTES = 10 * 2 ** 20;
const POLL_MS = 50;

/** The log of a daemon: beside its directory, where the daemon's own user cannot put anything in its place. */
export function daemonLog(dir: string): string {
  return `${dir}.log`;
}

/** Starts a daemon in a session of its own, its output in its log. Says nothing of whether it works. */
export function startDaemon(spec: DaemonSpec): ProcessIdentity {
  const logFile = daemonLog(spec.dir);
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > LOG_ROTATE_BYTES) renameSync(logFile, `${logFile}.1`);
  const log = openSync(logFile, "a", 0o600);
  try {
    const [program, ...args] = spec.argv;
    const child = spawn(program, args, {
      cwd: spec.dir,
      detached: true,
      stdio: ["ignore", log, log],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8", HOME: spec.dir, TMPDIR: spec.dir, ...spec.env },
      ...(spec.runAs ?? {}),
    });
    // Failing to start shows as the absence of a process.
    child.on("error", () => {});
    child.unref();
    const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (!identity) throw startFailed(spec.name, spec.dir, `${program} could not be started`);
    return identity;
  } finally {
    closeSync(log);
  }
}

/**
 * Waits until the probe says that a daemon works.
 * @param probe true: works; false: not yet; `"busy"`: alive and on its way, which takes as long as it takes
 * @throws StoreError `SERVICE_START_FAILED` with the end of its log, when it died or took too long
 */
export async function untilReady(
  spec: { readonly name: string; readonly dir: string },
  identity: ProcessIdentity,
  probe: () => Promise<boolean | "busy">,
  options: { readonly timeoutMs: number; readonly busyTimeoutMs?: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const startedAt = Date.now();
  for (;;) {
    options.signal?.throwIfAborted();
    const answer = await probe();
    if (answer === true) return;
    if (!isAlive(identity)) throw startFailed(spec.name, spec.dir, "it ended at once");
    const patience = answer === "busy" ? (options.busyTimeoutMs ?? options.timeoutMs) : options.timeoutMs;
    if (Date.now() - startedAt > patience) {
      throw startFailed(spec.name, spec.dir, `it does not answer after ${String(Math.round(patience / 1000))} s`);
    }
    await sleep(POLL_MS, undefined, options.signal ? { signal: options.signal } : {});
  }
}

function startFailed(name: string, dir: string, what: string): StoreError {
  const file = daemonLog(dir);
  const tail = logTail(file, 8);
  return new StoreError(
    "SERVICE_START_FAILED",
    `starting ${name}: ${what}; its log ${file} ends with: ${tail || "nothing"}`,
    {
      context: { service: name, log: file },
    },
  );
}

/** The last lines of a log, joined by ` | `. */
function logTail(file: string, lines: number): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join(" | ").slice(-1500);
  } catch {
    return "";
  }
}

/**
 * Every process of a daemon, its children included: also one whose record was lost, so that two never share one
 * directory. They are known by working directory and command line, and have no terminal (a person's shell in the
 * directory has one).
 */
export function findDaemonProcesses(dir: string): readonly ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    try {
      if (readlinkSync(`/proc/${name}/cwd`).replace(/ \(deleted\)$/, "") !== dir) continue;
      if (!readFileSync(`/proc/${name}/cmdline`, "utf8").includes(dir)) continue;
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const terminal = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[4];
      if (terminal !== "0") continue;
    } catch {
      // Gone, or another user's.
      continue;
    }
    const identity = identifyProcess(pid);
    if (identity) found.push(identity);
  }
  return found;
}

/**
 * Ends a daemon: TERM to its leading process, after the grace KILL to all that is left of it. Returns whether there was one.
 * @param leader as recorded; absent when the record was lost: then all get the TERM
 */
export async function stopDaemon(dir: string, leader: ProcessIdentity | undefined, graceMs: number): Promise<boolean> {
  const found = findDaemonProcesses(dir);
  const leads = leader && isAlive(leader) ? [leader] : found;
  if (leads.length === 0) return false;
  for (const identity of leads) signalProcess(identity, "SIGTERM");
  const killAt = Date.now() + graceMs;
  for (;;) {
    const left = [...findDaemonProcesses(dir), ...leads.filter(isAlive)];
    if (left.length === 0) return true;
    if (Date.now() >= killAt) for (const identity of left) signalProcess(identity, "SIGKILL");
    await sleep(POLL_MS);
  }
}

/** Makes a daemon's directory, mode 0700, and gives it and all that is in it to the user that the daemon runs as. */
export function ownDirectory(dir: string, runAs: RunAs | undefined): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = runAs ?? { uid: 0, gid: 0 };
  for (const path of [dir, ...readdirSync(dir, { recursive: true }).map((name) => join(dir, String(name)))]) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    // Never through a symbolic link: what is in there is the daemon's, and we are root.
    if (stat && (stat.uid !== uid || stat.gid !== gid)) lchownSync(path, uid, gid);
  }
}

/** Whether a user who owns nothing here could get to a directory: each folder above lets everybody pass. */
export function isReachableByOthers(dir: string): boolean {
  for (let path = dirname(dir); ; path = dirname(path)) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && (stat.mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}
