import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { identifyProcess, isAlive, signalProcess, type ProcessIdentity } from "./process.ts";
import { processTree } from "./process-tree.ts";

/** An unprivileged user that a child runs as when we are root. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

export interface GuardedChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** File descriptor for the child's stdout and stderr. */
  readonly output: number;
  /** Opens an IPC channel as `fork` does. */
  readonly ipc?: boolean;
  readonly runAs?: RunAs | undefined;
  /** What the kernel sends the child when we die, however we die. */
  readonly deathSignal: "TERM" | "KILL";
}

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A child that does not outlive us: when this process ends by whatever cause, SIGKILL included, the kernel signals it.
 * `stop` takes everything below the child with it.
 */
export interface GuardedChild {
  readonly process: ChildProcess;
  readonly identity: ProcessIdentity | undefined;
  /** Resolves when the child itself has ended; never rejects. A child that could not be started has code 127. */
  readonly exited: Promise<ChildExit>;
  hasExited(): boolean;
  /** TERM to the child, KILL to all of its tree after the grace; resolves when all of it is gone. */
  stop(graceMs: number): Promise<void>;
}

const LOOK_MS = 40;

/**
 * A variable in the environment of a child and of all that it starts. What outlives the child is no longer below it,
 * and is known by this mark.
 */
const MARK = "GRIDHARVEST_CHILD";

/** The living processes that bear a mark. Others' environments cannot be read, and are not ours. @source proc(5) environ */
function marked(mark: string): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  const text = `${MARK}=${mark}\0`;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!readFileSync(`/proc/${name}/environ`, "latin1").includes(text)) continue;
    } catch {
      continue;
    }
    const identity = identifyProcess(Number(name));
    if (identity) found.push(identity);
  }
  return found;
}

let setpriv: string | false | undefined;

/** `setpriv` of util-linux 2.33 and newer; busybox's has no parent-death signal. */
function findSetpriv(): string | false {
  if (setpriv === undefined) {
    const help = spawnSync("setpriv", ["--help"], { encoding: "utf8" });
    setpriv = help.error === undefined && help.stdout.includes("--pdeathsig") ? "setpriv" : false;
  }
  return setpriv;
}

/**
 * Starts a child under the parent-death signal and, as root, as another user. Where `setpriv` is missing the child is
 * started without the guard. Call it from the main thread only: the kernel means the thread that forked.
 * @source prctl(2) PR_SET_PDEATHSIG, setpriv(1)
 */
export function spawnGuarded(options: GuardedChildOptions): GuardedChild {
  const runAs = process.getuid?.() === 0 ? options.runAs : undefined;
  const guard = findSetpriv();
  const identityFlags =
    runAs === undefined ? [] : ["--reuid", String(runAs.uid), "--regid", String(runAs.gid), "--clear-groups"];
  const [command, args] =
    guard === false
      ? [options.command, [...options.args]]
      : [guard, [...identityFlags, "--pdeathsig", options.deathSignal, "--", options.command, ...options.args]];
  const mark = randomBytes(12).toString("hex");
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...options.env, [MARK]: mark },
    stdio: ["ignore", options.output, options.output, ...(options.ipc ? (["ipc"] as const) : [])],
    ...(guard === false && runAs !== undefined ? { uid: runAs.uid, gid: runAs.gid } : {}),
  });
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  // The tree as well: a program may have cleared its environment, or run as somebody else.
  const family = (): readonly ProcessIdentity[] => [
    ...marked(mark),
    ...(identity !== undefined && isAlive(identity) ? processTree(identity.pid) : []),
  ];
  let ended = false;
  const exited = new Promise<ChildExit>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = true;
      resolve({ code, signal });
    });
    child.once("error", () => {
      if (child.pid !== undefined) return;
      ended = true;
      resolve({ code: 127, signal: null });
    });
  });
  return {
    process: child,
    identity,
    exited,
    hasExited: () => ended,
    async stop(graceMs) {
      if (child.pid === undefined) return;
      if (identity) signalProcess(identity, "SIGTERM");
      const killAt = Date.now() + graceMs;
      // What forks while it is looked at is found at the next look.
      for (let left = family(); left.length > 0; left = family()) {
        if (Date.now() >= killAt) for (const member of left) signalProcess(member, "SIGKILL");
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      await exited;
    },
  };
}
