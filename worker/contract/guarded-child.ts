import { spawn, spawnSync, type ChildProcess } from "node:child_process";
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

/** How soon after its start a child is looked at for processes of its own, and how often later. */
const FIRST_LOOK_MS = 250;
const LONGEST_LOOK_MS = 30_000;

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
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", options.output, options.output, ...(options.ipc ? (["ipc"] as const) : [])],
    ...(guard === false && runAs !== undefined ? { uid: runAs.uid, gid: runAs.gid } : {}),
  });
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  // What the child starts becomes an orphan when it dies, and is then no longer below it: it must be known before.
  const known = new Map<number, ProcessIdentity>();
  const remember = (): void => {
    if (identity === undefined || ended) return;
    for (const member of processTree(identity.pid)) known.set(member.pid, member);
  };
  let lookAfterMs = FIRST_LOOK_MS;
  const lookAgain = (): void => {
    remember();
    lookAfterMs = Math.min(lookAfterMs * 2, LONGEST_LOOK_MS);
    looking = setTimeout(lookAgain, lookAfterMs).unref();
  };
  let looking = setTimeout(lookAgain, lookAfterMs).unref();
  let ended = false;
  const exited = new Promise<ChildExit>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = true;
      clearTimeout(looking);
      resolve({ code, signal });
    });
    child.once("error", () => {
      if (child.pid !== undefined) return;
      ended = true;
      clearTimeout(looking);
      resolve({ code: 127, signal: null });
    });
  });
  return {
    process: child,
    identity,
    exited,
    hasExited: () => ended,
    async stop(graceMs) {
      if (identity === undefined) return;
      remember();
      known.set(identity.pid, identity);
      signalProcess(identity, "SIGTERM");
      const killAt = Date.now() + graceMs;
      while ([...known.values()].some(isAlive)) {
        if (Date.now() >= killAt) {
          remember();
          for (const member of known.values()) signalProcess(member, "SIGKILL");
        }
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      await exited;
    },
  };
}
