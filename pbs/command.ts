import { spawn } from "node:child_process";
import { delimiter } from "node:path";
import { GridError } from "../worker/contract/errors.ts";
import type { Argv, CommandRunner } from "./batch-system.ts";

/** More output than this is no answer of a batch system. */
const MOST_OUTPUT_BYTES = 64 * 2 ** 20;
/** A command that does not end at TERM is killed after this. */
const KILL_AFTER_MS = 2_000;

/**
 * Runs commands on this machine.
 * @param binDirs searched before PATH
 */
export function localCommandRunner(binDirs: readonly string[] = []): CommandRunner {
  const env = { ...process.env, PATH: [...binDirs, process.env["PATH"] ?? ""].join(delimiter) };
  return {
    run(argv, { timeoutSeconds, signal, stdin }) {
      signal.throwIfAborted();
      return new Promise((resolve, reject) => {
        const child = spawn(argv[0], argv.slice(1), { env, stdio: ["pipe", "pipe", "pipe"] });
        const outputs = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
        let bytes = 0;
        let failure: unknown;
        const end = (why: unknown): void => {
          failure ??= why;
          child.kill("SIGTERM");
          setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS).unref();
        };
        const onAbort = (): void => end(signal.reason);
        const timer = setTimeout(() => end(timedOut(argv, timeoutSeconds)), timeoutSeconds * 1000);
        signal.addEventListener("abort", onAbort);
        for (const name of ["stdout", "stderr"] as const) {
          child[name].on("data", (block: Buffer) => {
            bytes += block.length;
            if (bytes > MOST_OUTPUT_BYTES) end(tooMuch(argv));
            else outputs[name].push(block);
          });
        }
        const settle = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
        };
        child.on("error", (error: NodeJS.ErrnoException) => {
          settle();
          reject(
            new GridError(
              "COMMAND_MISSING",
              `${argv[0]} cannot be run: ${error.message}; are the batch system's commands on PATH?`,
              { cause: error },
            ),
          );
        });
        child.on("close", (code, killedBy) => {
          settle();
          if (failure !== undefined) {
            reject(failure as Error);
            return;
          }
          resolve({
            argv,
            code: code ?? (killedBy === null ? 1 : 128),
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

function timedOut(argv: Argv, seconds: number): GridError {
  return new GridError("COMMAND_TIMEOUT", `${argv.join(" ")} did not answer within ${seconds} s`, { retryable: true });
}

function tooMuch(argv: Argv): GridError {
  return new GridError("COMMAND_TIMEOUT", `${argv.join(" ")} printed more than ${MOST_OUTPUT_BYTES} bytes`, {
    retryable: true,
  });
}
