import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { GridError } from "../../../worker/contract/errors.ts";
import { isAlive, signalProcess, type ProcessIdentity } from "../../../worker/contract/process.ts";
import { processTree } from "../../../worker/contract/process-tree.ts";
import { enterNamespace } from "../../network/index.ts";

/** What makes one host of the bed. */
export interface MachineOptions {
  /** Its host name. */
  readonly name: string;
  /** The network namespace that it is in. */
  readonly namespace: string;
  /** An empty directory of its own in this one's place. */
  readonly emptyDir?: string;
  /** Files and directories that it sees in others' places: `[what, where]`. */
  readonly binds: readonly (readonly [from: string, to: string])[];
  /** What its first process has to complain about. */
  readonly logFile: string;
}

/** A program that a machine runs until it is stopped. */
export interface MachineDaemon {
  /** Undefined while it runs. */
  ended(): number | string | undefined;
  /** The program itself. */
  identity(): ProcessIdentity | undefined;
  /** Everything below the program, e.g. the sessions of an sshd. */
  children(): readonly ProcessIdentity[];
  /** Signals the program, not its children; resolves when it is gone. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** How a command ended. */
export interface CommandEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The first process of a machine: puts its view of the files together, says so, and then takes care of orphans until the end.
 * Arguments: name, empty directory or "", then pairs of what and where.
 */
const FIRST_PROCESS = `
set -e
hostname "$1"
[ -z "$2" ] || mount -t tmpfs -o mode=755 tmpfs "$2"
shift 2
while [ $# -gt 1 ]; do mount --bind "$1" "$2"; shift 2; done
echo ready
exec > /dev/null
sleep infinity &
wait`;

/** The environment of everything on a machine: nothing of ours. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
  HOME: "/root",
};

const LOOK_MS = 20;

/**
 * A host of the bed: processes, host name, mounts and network of its own, files shared with the others. The kernel ends every process of it
 * with its first one, and that one with whoever started it, so that nothing can be left running.
 * @source pid_namespaces(7), unshare(1), prctl(2) PR_SET_PDEATHSIG
 */
export class Machine {
  readonly name: string;
  /** Of its first process, as seen from outside. */
  readonly first: ProcessIdentity;

  private constructor(name: string, first: ProcessIdentity) {
    this.name = name;
    this.first = first;
  }

  /** @throws GridError `SLURM_BED_FAILED` */
  static async boot(options: MachineOptions): Promise<Machine> {
    const { name, namespace, emptyDir = "", binds, logFile } = options;
    const namespaces = ["--mount", "--uts", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"];
    const log = openSync(logFile, "a");
    // A session of its own: a Ctrl-C at the terminal is ours to act on.
    const child = spawn(
      "setpriv",
      [
        ...["--pdeathsig", "KILL", "--", ...enterNamespace(namespace), "unshare", ...namespaces, "--"],
        ...["sh", "-c", FIRST_PROCESS, "first", name, emptyDir, ...binds.flat()],
      ],
      { cwd: "/", env: ENVIRONMENT, stdio: ["ignore", "pipe", log], detached: true },
    );
    closeSync(log);
    const ready = await new Promise<boolean>((resolve) => {
      child.stdout?.once("data", () => resolve(true));
      child.once("error", () => resolve(false));
      child.once("exit", () => resolve(false));
    });
    const first = ready && child.pid !== undefined ? processTree(child.pid)[1] : undefined;
    if (!first) {
      child.kill("SIGKILL");
      throw new GridError("SLURM_BED_FAILED", `the machine ${name} of the Slurm bed does not come up; see ${logFile}`);
    }
    // The caller may end before it: then it ends too.
    child.unref();
    return new Machine(name, first);
  }

  /** The words that begin a command which shall run on the machine. */
  get enter(): readonly [string, ...string[]] {
    return ["nsenter", `--target=${this.first.pid}`, "--net", "--mount", "--uts", "--pid", "--"];
  }

  /** Starts a program that stays in the foreground. Its output is appended to the log. */
  start(argv: readonly string[], logFile: string, env: Readonly<Record<string, string>> = {}): MachineDaemon {
    const log = openSync(logFile, "a");
    const child = this.#spawn(argv, ["ignore", log, log], env);
    closeSync(log);
    child.unref();
    let end: number | string | undefined;
    child.once("error", (error) => (end ??= error.message));
    child.once("exit", (code, signal) => (end ??= code ?? signal ?? "?"));
    const below = (): readonly ProcessIdentity[] => (child.pid === undefined ? [] : processTree(child.pid).slice(1));
    return {
      ended: () => end,
      identity: () => below()[0],
      children: () => below().slice(1),
      async stop(signal) {
        // nsenter stays as the parent of what it started there and hands no signal on.
        const program = below()[0];
        if (program) signalProcess(program, signal);
        while (end === undefined) await sleep(LOOK_MS);
      },
    };
  }

  /** Runs a command to its end. */
  run(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandEnd> {
    const child = this.#spawn(argv, ["ignore", "pipe", "pipe"], env);
    const [out, err]: string[][] = [[], []];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => out?.push(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => err?.push(text));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        resolve({ code: code ?? 137, stdout: out?.join("") ?? "", stderr: err?.join("") ?? "" });
      });
    });
  }

  /** Ends the machine as a power cut does. */
  halt(): Promise<void> {
    return haltMachine(this.first);
  }

  #spawn(
    argv: readonly string[],
    stdio: ("ignore" | "pipe" | number)[],
    env: Readonly<Record<string, string>>,
  ): ChildProcess {
    const [program, ...args] = [...this.enter, ...argv];
    return spawn(program ?? "", args, { cwd: "/", env: { ...ENVIRONMENT, ...env }, stdio, detached: true });
  }
}

/** Ends a machine by its first process; resolves when no process of it is left. Already gone is success. */
export async function haltMachine(first: ProcessIdentity): Promise<void> {
  signalProcess(first, "SIGKILL");
  // It is not dead before the last other process of its namespace is. @source pid_namespaces(7), zap_pid_ns_processes()
  while (isAlive(first)) await sleep(LOOK_MS);
}
