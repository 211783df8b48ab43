import { CommanderError, type Command as CommanderCommand } from "commander";
import { BackfillError, ConfigError, describeError, type ErrorContext } from "../../worker/contract/errors.ts";
import type { LineParsers } from "../../worker/contract/line-parser.ts";
import type { Pipeline } from "../../worker/contract/pipeline.ts";
import type { Recompute } from "../../worker/contract/recompute.ts";
import type { MadeRules, RuleField, Rules, RulesSource } from "../../worker/contract/rules.ts";
import type { Log } from "../log.ts";

/**
 * How to add a command, say `gridharvest tidy ID`:
 *
 * 1. `orchestrator/cli/tidy.ts` holds the argument parsing and nothing else of weight. Import what the command
 *    *does* inside the action (`await import("../tidy.ts")`), so that `gridharvest --help` stays quick.
 *
 *        export const tidy: Command = {
 *          name: "tidy",
 *          register(program, run) {
 *            withConfig(program.command("tidy <id>").description("Removes what a campaign left"))
 *              .option("--dry-run", "only say what would go")
 *              .addHelpText("after", examples("gridharvest tidy 2013-01-a", "gridharvest tidy --dry-run 2013-01-a"))
 *              .action((id: string, options: ConfigOptions & { dryRun?: true }) =>
 *                run(async (io, signal) => {
 *                  const { config } = await configOf(options, io);
 *                  const { tidyCampaign } = await import("../tidy.ts");
 *                  const result = await tidyCampaign(config, id, { dryRun: options.dryRun === true }, signal);
 *                  print(io, result, () => `removed ${result.files} files\n`);
 *                  return 0;
 *                }),
 *              );
 *          },
 *        };
 *
 * 2. One row in `cli/index.ts`: `{ name: "tidy", load: async () => (await import("./tidy.ts")).tidy }`.
 *
 * The work itself is a function `(config, …, signal)` in a file of its own, so that tests call it directly.
 * Every command has a description, at least one example, and honours `io.json`.
 */
export interface Command {
  readonly name: string;
  register(program: CommanderCommand, run: Runner): void;
}

/** 0 done, 1 fault, 2 usage or configuration, 3 done with rejects, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** What a command may write to. Text and JSON for the caller go to `stdout`, logs to `stderr` through `log`. */
export interface Io {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Whether `stdout` is a terminal: progress bars there, plain lines elsewhere. */
  readonly isTTY: boolean;
  /** `--json`: machine-readable output. */
  readonly json: boolean;
  readonly log: Log;
}

/**
 * Parts of `worker/` that commands need as values. Only the composition root may import them, so they are handed down;
 * they are loaded when first asked for.
 */
export interface Parts {
  /** The pipeline of some rules. */
  pipeline(rules: Rules): Promise<{
    readonly hash: string;
    readonly fields: readonly RuleField[];
    create(): Pipeline;
  }>;
  /** Rules of what ships with the program and what the operator wrote, checked. @throws ConfigError with every problem at once */
  readonly makeRules: (source: RulesSource) => Promise<MadeRules>;
  lineParsers(): Promise<LineParsers>;
  /** A campaign's chunks once more, by its rules. @throws ConfigError `DATABASE_UNFIT` */
  recompute(rules: Rules): Promise<Recompute>;
}

/** What a command does once its arguments are parsed. The signal aborts at the first SIGINT, SIGTERM or SIGHUP. */
export type Action = (io: Io, signal: AbortSignal, parts: Parts) => Promise<ExitCode>;

/** Runs an action and keeps its exit code. Made by `createRunner`; commands only call it. */
export type Runner = (action: Action) => Promise<void>;

/** A text for `addHelpText("after", …)`. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** Options that `withConfig` adds. */
export interface ConfigOptions {
  readonly config?: string;
  readonly stateDir?: string;
  readonly set?: readonly string[];
}

/** Adds `--config`, `--state-dir` and `--set` to a command that reads the configuration. */
export function withConfig(command: CommanderCommand): CommanderCommand {
  return command
    .option("--config <file>", "configuration file (default: ./gridharvest.yaml when it exists)")
    .option("--state-dir <dir>", "state directory, above the configuration")
    .option(
      "--set <path=value>",
      "one value above the configuration, e.g. parsers.slots=2; may be repeated",
      (value: string, all: readonly string[] = []) => [...all, value],
    );
}

/**
 * The configuration of a command that `withConfig` was applied to.
 * @param flags further flags as dotted path → value; undefined ones are left out. For messages each names its flag:
 *   `{ "dataNodes.count": { flag: "--data-nodes", value: 3 } }`
 * @throws ConfigError naming every problem at once.
 */
export async function configOf(
  options: ConfigOptions,
  io: Io,
  flags: Readonly<Record<string, { readonly flag: string; readonly value: unknown }>> = {},
): Promise<import("../config.ts").ResolvedConfig> {
  const { loadConfig } = await import("../config.ts");
  const overrides: Record<string, { flag: string; value: unknown }> = {};
  for (const pair of options.set ?? []) {
    const at = pair.indexOf("=");
    if (at < 1) {
      throw new ConfigError("USAGE", `--set ${pair}: write a dotted path and a value, e.g. --set parsers.slots=2`);
    }
    overrides[pair.slice(0, at)] = { flag: "--set", value: pair.slice(at + 1) };
  }
  if (options.stateDir !== undefined) overrides.stateDir = { flag: "--state-dir", value: options.stateDir };
  for (const [path, { flag, value }] of Object.entries(flags)) {
    if (value !== undefined) overrides[path] = { flag, value };
  }
  const resolved = await loadConfig({
    ...(options.config === undefined ? {} : { file: options.config }),
    env: process.env,
    overrides,
  });
  for (const warning of resolved.warnings) io.log.warn(warning);
  if (options.config === undefined && resolved.file !== undefined) {
    io.log.info("configuration found in the current directory", { file: resolved.file });
  }
  return resolved;
}

/** Prints a result: one line of JSON with `--json`, else the text that `text` makes. */
export function print(io: Io, value: unknown, text: () => string): void {
  io.stdout.write(io.json ? `${JSON.stringify(value)}\n` : text());
}

/** What an error means for the caller. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly context: ErrorContext;
  readonly exitCode: ExitCode;
}

/** Turns anything thrown into a message and an exit code. */
export function explainFailure(error: unknown, signal: AbortSignal): Failure {
  if (error instanceof ConfigError) {
    return { code: error.code, message: describeError(error), context: error.context, exitCode: 2 };
  }
  // An abort that nobody asked for is a fault like any other.
  if (signal.aborted && (isAbort(error) || error === signal.reason)) {
    return { code: "INTERRUPTED", message: "interrupted", context: {}, exitCode: 130 };
  }
  if (error instanceof CommanderError && error.code === "commander.help") {
    // Commander's own message, "(outputHelp)", is for itself; the usage stands on stderr.
    return { code: "USAGE", message: "name a command; --help lists them", context: {}, exitCode: 2 };
  }
  if (error instanceof CommanderError) {
    return { code: "USAGE", message: error.message.replace(/^error: /, ""), context: {}, exitCode: 2 };
  }
  if (error instanceof BackfillError) {
    return { code: error.code, message: describeError(error), context: error.context, exitCode: 1 };
  }
  return { code: "UNEXPECTED", message: describeError(error), context: {}, exitCode: 1 };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || ("code" in error && error.code === "ABORT_ERR"));
}

/** Writes a failure: a line for people on stderr, and with `--json` an object `{error}` on stdout as well. */
export function reportFailure(io: Io, failure: Failure, error: unknown): void {
  io.stderr.write(`gridharvest: ${failure.message}\n`);
  // A fault of ours that nobody foresaw: the stack is what its report needs.
  if (failure.code === "UNEXPECTED" && error instanceof Error && error.stack !== undefined) {
    io.log.debug(error.stack);
  }
  if (io.json) {
    const { code, message, context } = failure;
    io.stdout.write(`${JSON.stringify({ error: { code, message, context } })}\n`);
  }
}

/**
 * Makes the runner of a process: it calls the action, reports what it throws, and keeps the exit code in `exit`.
 * @param io called when an action runs, after the global options were parsed
 */
export function createRunner(
  io: () => Io,
  signal: AbortSignal,
  parts: Parts,
): { readonly run: Runner; readonly exitCode: () => ExitCode } {
  let exit: ExitCode = 0;
  return {
    run: async (action) => {
      try {
        signal.throwIfAborted();
        exit = await action(io(), signal, parts);
      } catch (error) {
        const failure = explainFailure(error, signal);
        reportFailure(io(), failure, error);
        exit = failure.exitCode;
      }
    },
    exitCode: () => exit,
  };
}
