import type { Readable, Writable } from "node:stream";
import { GridError } from "../../worker/contract/errors.ts";
import type { Argv, CommandRunner } from "../batch-system.ts";

/** More output than this is no answer of a batch system, nor a file that we wrote for a job. */
const MOST_OUTPUT_BYTES = 64 * 2 ** 20;

export interface ExecOptions {
  /** From the call on, whatever it has to wait for. */
  readonly timeoutSeconds: number;
  /** On abort the promise rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** What the command reads; a stream that fails ends the command, and its error is the result. Default: nothing. */
  readonly stdin?: string | Uint8Array | Readable;
}

export interface ExecResult {
  readonly argv: Argv;
  /** 128 + the signal's number after a death by signal. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Runs one command to its end, here or on a frontend. Words are passed as they are, never interpreted. A command that is given up (time limit, abort,
 * more than 64 MiB of output) is ended with its process group, and the caller gets its answer at once.
 * @throws GridError `COMMAND_TIMEOUT` (retryable), `COMMAND_MISSING`; on a frontend also `SSH_UNREACHABLE` (retryable: it was not run)
 *   and `SSH_LOST` (retryable: nobody knows whether it ran)
 */
export type Exec = (argv: Argv, options: ExecOptions) => Promise<ExecResult>;

/** What a batch system needs of it: text in, text out. */
export function commandRunner(exec: Exec): CommandRunner {
  return {
    async run(argv, options) {
      const { stdout, ...result } = await exec(argv, options);
      return { ...result, stdout: stdout.toString("utf8") };
    },
  };
}

/** A command that has been started, and how to be rid of it. */
export interface RunningCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the command has ended and all its output is there; the code is undefined when nobody told it. Rejects when it could not be started. */
  readonly ended: Promise<number | undefined>;
  /** Ends it, and whatever it started, as well as can be. Nobody waits for it any more. */
  abandon(stderrSoFar: string): void;
}

/**
 * Does the work under a command's time limit and its caller's signal, which are one signal for it.
 * @param work whatever it waits for ends when the signal aborts; the reason is the error that the caller gets
 */
export async function withinLimits<T>(
  argv: Argv,
  { timeoutSeconds, signal }: Pick<ExecOptions, "timeoutSeconds" | "signal">,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(timedOut(argv, timeoutSeconds)), timeoutSeconds * 1000);
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** Sees a command to its end. */
export function follow(
  running: RunningCommand,
  argv: Argv,
  stdin: ExecOptions["stdin"],
  signal: AbortSignal,
): Promise<{ readonly code: number | undefined; readonly stdout: Buffer; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const outputs = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let bytes = 0;
    let settled = false;
    const stderrSoFar = (): string => Buffer.concat(outputs.stderr).toString("utf8");
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      signal.removeEventListener("abort", onAbort);
      if (isStream(stdin)) stdin.destroy();
      return true;
    };
    const giveUp = (why: Error): void => {
      if (!settle()) return;
      running.abandon(stderrSoFar());
      reject(why);
    };
    const onAbort = (): void => giveUp(signal.reason as Error);
    signal.addEventListener("abort", onAbort);
    for (const name of ["stdout", "stderr"] as const) {
      running[name].on("data", (block: Buffer) => {
        if (settled) return;
        bytes += block.length;
        if (bytes > MOST_OUTPUT_BYTES) giveUp(tooMuch(argv));
        else outputs[name].push(block);
      });
    }
    running.ended.then(
      (code) => {
        if (settle()) resolve({ code, stdout: Buffer.concat(outputs.stdout), stderr: stderrSoFar() });
      },
      (error: Error) => {
        if (settle()) reject(error);
      },
    );
    // A command that ends without reading its input is no fault.
    running.stdin.on("error", () => undefined);
    if (isStream(stdin)) {
      stdin.on("error", giveUp);
      stdin.pipe(running.stdin);
    } else running.stdin.end(stdin ?? "");
    if (signal.aborted) onAbort();
  });
}

/** A stream can be read once. */
export function isStream(stdin: ExecOptions["stdin"]): stdin is Readable {
  return typeof stdin === "object" && "pipe" in stdin;
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
