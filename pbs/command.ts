import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { delimiter } from "node:path";

import { GridError } from "../worker/contract/errors.ts";
import type { Argv, CommandRunner } from "./batch-system.ts";

/** More output than this is no answer of a batch system. */
const MOST_OUTPUT_BYTES = 64 * 2 ** 20;
/** A command that does not end at TERM is killed after this. */
const KILL_AFTER_MS = 2_000;

/**
 * Runs commands on this machine. A command has a process group of its own, which is ended as a
 * whole: the caller gets its answer at the time limit even when a wrapper's child keeps the pipes open.
 * On abort the promise rejects with the signal's reason.
 *
 * @param binDirs searched before PATH
 */
export function localCommandRunner(binDirs: readonly string[] = []): CommandRunner {
  const env = { ...process.env, PATH: [...binDirs, process.env["PATH"] ?? ""].join(delimiter) };
  return {
    run(argv, { timeoutSeconds, signal, stdin }) {
      signal.throwIfAborted();
      return new Promise((resolve, reject) => {
        const child = spawn(argv[0], argv.slice(1), { env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
        const outputs = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
        let bytes = 0;
        const settle = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
        };
        const giveUp = (why: Error): void => {
          settle();
          endGroup(child);
          reject(why);
        };
        const onAbort = (): void => giveUp(signal.reason as Error);
        const timer = setTimeout(() => giveUp(timedOut(argv, timeoutSeconds)), timeoutSeconds * 1000);
        signal.addEventListener("abort", onAbort);
        for (const name of ["stdout", "stderr"] as const) {
          child[name].on("data", (block: Buffer) => {
            bytes += block.length;
            if (bytes > MOST_OUTPUT_BYTES) giveUp(tooMuch(argv));
            else outputs[name].push(block);
          });
        }
        child.on("error", (error: NodeJS.ErrnoException) => {
          settle();
          reject(cannotRun(argv, error));
        });
        child.on("close", (code, killedBy) => {
          settle();
          resolve({
            argv,
            code: code ?? (killedBy ? 128 + constants.signals[killedBy] : 1),
            stdout: Buffer.concat(outputs.stdout).toString("utf8"),
            stderr: Buffer.concat(outputs.stderr).toString("utf8"),
          });
        });
        // A command that ends without reading its input is no fault.
        child.stdin.on("error", () => undefined);
        child.stdin.end(stdin ?? "");
      });
    },
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

function timedOut(argv: Argv, seconds: number): GridError {
  return new GridError("COMMAND_TIMEOUT", `${argv.join(" ")} did not answer within ${String(seconds)} s`, {
    retryable: true,
    context: { command: argv[0] },
  });
}

function tooMuch(argv: Argv): GridError {
  return new GridError(
    "COMMAND_TIMEOUT",
    `${argv.join(" ")} did not end: it had printed more than ${String(MOST_OUTPUT_BYTES)} bytes`,
    { retryable: true, context: { command: argv[0] } },
  );
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
