import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { GridError } from "../../worker/contract/errors.ts";
import { CONFIG_FIELDS } from "../config-fields.ts";
import { commandLine } from "../runtimes/index.ts";

/** How a call of the command line ended. */
export interface CallResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const CONFIG_VARIABLES: ReadonlySet<string> = new Set(CONFIG_FIELDS.map((field) => field.variable));

/** The environment without what would go before the configuration file. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !CONFIG_VARIABLES.has(name)));
}

/**
 * The command line as a user has it, of whose configuration one file decides: each call is a process of its own. What it logs goes to a file, and its
 * end to the error when it fails.
 */
export class CommandLine {
  readonly #config: string;
  readonly #logFile: string;
  readonly #prefix: readonly string[];

  /** @param prefix words before every call, e.g. those that enter a network namespace */
  constructor(configFile: string, logFile: string, prefix: readonly string[] = []) {
    this.#config = configFile;
    this.#logFile = logFile;
    this.#prefix = prefix;
  }

  /** The words to type for a command, for people. */
  say(...words: readonly string[]): string {
    return `node orchestrator/cli/gridharvest.mjs ${words.join(" ")} --config ${this.#config}`;
  }

  /** Runs a command with `--json`. An abort is passed on as SIGINT; resolves when the process has ended. */
  async call(words: readonly string[], signal: AbortSignal): Promise<CallResult> {
    return await this.run([...words, "--json"], signal);
  }

  /** Likewise as people type it, with its text for them. */
  async run(words: readonly string[], signal: AbortSignal): Promise<CallResult> {
    signal.throwIfAborted();
    const { node, args } = commandLine();
    appendFileSync(this.#logFile, `$ gridharvest ${words.join(" ")}\n`);
    // A process group of its own: a Ctrl-C of the terminal reaches it through us only, once.
    const [command = node, ...rest] = [...this.#prefix, node, ...args, ...words, "--config", this.#config];
    const child = spawn(command, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: environment(),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-8000);
      appendFileSync(this.#logFile, text);
    });
    const interrupt = (): void => void child.kill("SIGINT");
    signal.addEventListener("abort", interrupt);
    try {
      const code = await new Promise<number>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (exit) => resolve(exit ?? 1));
      });
      return { code, stdout, stderr };
    } finally {
      signal.removeEventListener("abort", interrupt);
    }
  }

  /**
   * Runs a command and gives the last object that it printed.
   * @throws GridError `DEMO_COMMAND_FAILED` with what it said, when its exit code is not 0
   */
  async json(words: readonly string[], signal: AbortSignal): Promise<unknown> {
    const result = await this.call(words, signal);
    signal.throwIfAborted();
    const last = result.stdout.trimEnd().split("\n").at(-1) ?? "";
    if (result.code !== 0) {
      throw new GridError(
        "DEMO_COMMAND_FAILED",
        `gridharvest ${words.join(" ")} ended with exit code ${result.code}: ${messageOf(last) ?? result.stderr.trim()}; its log: ${this.#logFile}`,
        { context: { code: result.code } },
      );
    }
    return last === "" ? undefined : (JSON.parse(last) as unknown);
  }
}

/** The message of `{"error": {"message"}}`, which a failing command prints. */
function messageOf(line: string): string | undefined {
  try {
    return (JSON.parse(line) as { error?: { message?: string } }).error?.message;
  } catch {
    return undefined;
  }
}
