import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { delimiter } from "node:path";

import { GridError } from "../worker/contract/errors.ts";
import { commandRunner, follow, withinLimits, type Exec, type RunningCommand } from "./access/exec.ts";
import type { Argv, CommandRunner } from "./batch-system.ts";

/** A command that does not end at TERM is killed after this. */
const KILL_AFTER_MS = 2_000;

/**
 * Runs commands on this machine. A command has a process group of its own, which is ended as a
 * whole: the caller gets its answer at the time limit even when a wrapper's child keeps the pipes open.
 *
 * @param binDirs searched before PATH
 */
export function localExec(binDirs: readonly string[] = []): Exec {
  const env = { ...process.env, PATH: [...binDirs, process.env["PATH"] ?? ""].join(delimiter) };
  return (argv, options) =>
    withinLimits(argv, options, async (signal) => {
      const { code, ...out } = await follow(startLocally(argv, env), argv, options.stdin, signal);
      return { argv, code: code ?? 1, ...out };
    });
}

/** Runs the commands of a batch system on this machine. @param binDirs searched before PATH */
export function localCommandRunner(binDirs: readonly string[] = []): CommandRunner {
  return commandRunner(localExec(binDirs));
}

/** Starts a program of this machine in a process group of its own. */
export function startLocally(argv: Argv, env: NodeJS.ProcessEnv): RunningCommand {
  const child = spawn(argv[0], argv.slice(1), { env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended: new Promise((resolve, reject) => {
      child.once("error", (error: NodeJS.ErrnoException) => reject(cannotRun(argv, error)));
      child.once("close", (code, killedBy) => {
        resolve(code ?? (killedBy ? 128 + constants.signals[killedBy] : undefined));
      });
    }),
    abandon: () => endGroup(child),
  };
}

/** Nobody waits for it any more, so it must not keep this process from ending either. */
function endGroup(child: ChildProcess): void {
  const send = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The group is gone.
    }
  };
  send("SIGTERM");
  const timer = setTimeout(() => send("SIGKILL"), KILL_AFTER_MS);
  // Once the command has ended its number may go to another; what it left is not ours to look for.
  child.once("exit", () => clearTimeout(timer));
  for (const stream of child.stdio) stream?.destroy();
}

function cannotRun(argv: Argv, error: NodeJS.ErrnoException): GridError {
  if (error.code === "ENOENT" || error.code === "EACCES") {
    return new GridError(
      "COMMAND_MISSING",
      `${argv[0]} cannot be run (${error.code}): are the batch system's commands on PATH?`,
      { cause: error, context: { command: argv[0] } },
    );
  }
  // Too many processes, no memory: nothing was started, and later it may be.
  return new GridError("COMMAND_TIMEOUT", `${argv[0]} could not be started: ${error.message}`, {
    retryable: true,
    cause: error,
    context: { command: argv[0] },
  });
}
