import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What an outside program did. `code` is undefined when a signal ended it. */
export interface ToolResult {
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** The last of what it wrote on both streams, for an error message. */
  readonly tail: string;
}

const TAIL_CHARACTERS = 4000;

/**
 * Runs a program to its end, in a process group of its own: a Ctrl-C at the terminal reaches us only, and we end
 * the whole group when `signal` aborts.
 * @throws the abort reason, after the program has ended; `ENOENT` when there is no such program
 */
export async function runTool(
  program: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly signal?: AbortSignal } = {},
): Promise<ToolResult> {
  const { signal } = options;
  signal?.throwIfAborted();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let tail = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (tail = (tail + text).slice(-TAIL_CHARACTERS)));
  }
  const endGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
    } catch {
      // It has ended by itself in this very moment.
    }
  };
  signal?.addEventListener("abort", endGroup, { once: true });
  try {
    return await new Promise<ToolResult>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, killedBy) => {
        if (signal?.aborted) reject(signal.reason as Error);
        else resolve({ code: code ?? undefined, signal: killedBy ?? undefined, tail: tail.trim() });
      });
    });
  } finally {
    signal?.removeEventListener("abort", endGroup);
  }
}

/**
 * The path of a program on PATH, or in the system directories that an ordinary user's PATH lacks (haproxy is in
 * `/usr/sbin`); undefined when it is not on this machine.
 */
export function findProgram(name: string): string | undefined {
  const dirs = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"];
  for (const dir of dirs) {
    if (dir === "") continue;
    const path = join(dir, name);
    if (isProgram(path)) return path;
  }
  return undefined;
}

/** False also where we may not look: root's PATH, kept by su, names directories of root. */
function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
