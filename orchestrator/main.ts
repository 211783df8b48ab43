import { Command, CommanderError, Option } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { createRunner, examples, explainFailure, reportFailure, type ExitCode, type Parts } from "./cli/command.ts";
import { COMMANDS } from "./cli/index.ts";
import { createIo, type Streams } from "./cli/io.ts";
import type { GrokParserOptions } from "../worker/contract/line-parser.ts";
import type { LogLevel } from "./log.ts";

/**
 * The composition root of the command line: the one place that joins concrete parts of other folders.
 * Run as a program it parses `process.argv`; a launcher or a test calls `main`.
 */

/** The parts of `worker/` that the command line uses as values. */
const PARTS: Parts = {
  async pipeline(rules) {
    const { createPipeline, pipelineHash } = await import("../worker/pipeline.ts");
    const { fieldsOfRules } = await import("../worker/pipeline/fields.ts");
    const { readDatabases } = await import("../worker/databases.ts");
    const databases = await readDatabases(rules.databases);
    return {
      hash: pipelineHash(rules),
      fields: fieldsOfRules(rules),
      create: () => createPipeline(rules, { databases }),
    };
  },
  async recompute(rules) {
    const { createPipeline } = await import("../worker/pipeline.ts");
    const { readDatabases } = await import("../worker/databases.ts");
    const { createRecompute } = await import("../worker/recompute.ts");
    return createRecompute(createPipeline(rules, { databases: await readDatabases(rules.databases) }));
  },
  async makeRules(source) {
    const { makeRules } = await import("../worker/pipeline/make-rules.ts");
    return await makeRules(source);
  },
  async lineParsers() {
    const { createGrokParser } = await import("../worker/grok/line-parser.ts");
    const { dangersOfExpressions } = await import("../worker/pipeline/dangers.ts");
    const { mergeBanks, parseBank } = await import("../worker/grok/bank.ts");
    const { standardBank } = await import("../worker/grok/standard-bank.ts");
    const { jsonField } = await import("../worker/framing/json-field.ts");
    const bankFor = ({ bank, standard, files }: GrokParserOptions) =>
      mergeBanks(standardBank(bank, standard), ...files.map(({ name, text }) => parseBank(text, name)));
    return {
      grok: (options) => createGrokParser(options.expressions, bankFor(options)),
      dangers: (options, own) => dangersOfExpressions(options.expressions, bankFor(options), own),
      async pipeline(rules, origin) {
        const { createPipelineParser } = await import("../worker/pipeline-parser.ts");
        const { readDatabases } = await import("../worker/databases.ts");
        return createPipelineParser(rules, await readDatabases(rules.databases), origin);
      },
      jsonField,
    };
  },
};

/** Two signals within this time are one: npm passes a Ctrl-C on while its child gets it from the terminal too. */
const ONE_INTERRUPTION_MS = 1000;

/**
 * Runs one command line, without the words before the command.
 * @returns the exit code. Prints usage errors on stderr and returns 2 for them.
 */
export async function main(
  argv: readonly string[],
  streams: Streams,
  signal: AbortSignal,
  parts: Parts = PARTS,
): Promise<ExitCode> {
  const json = argv.slice(0, indexOrEnd(argv, "--")).includes("--json");
  const program = new Command("gridharvest");
  const level = new Option("--log-level <level>", "least level of the logs on stderr")
    .choices(["debug", "info", "warn", "error"])
    .default("info");
  program
    .description("Re-ingests whole historical months of logs into Elasticsearch on a computing grid.")
    .version(packageJson.version, "-V, --version", "print the version")
    .option("--json", "print JSON for programs instead of text for people")
    .addOption(level)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
    })
    .showHelpAfterError()
    .exitOverride()
    .addHelpText(
      "after",
      examples(
        "gridharvest doctor",
        "gridharvest plan --config site.yaml --month 2013-01",
        "gridharvest launch --config site.yaml --month 2013-01",
      ),
    );

  const io = () => createIo(streams, { json, level: program.opts<{ logLevel: LogLevel }>().logLevel });
  const { run, exitCode } = createRunner(io, signal, parts);
  // One command's file is loaded when the first word names it; help and errors need them all.
  const named = COMMANDS.filter((row) => argv.includes(row.name) && isFirstWord(argv, row.name));
  for (const row of named.length > 0 ? named : COMMANDS) (await row.load()).register(program, run);

  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode();
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = explainFailure(error, signal);
    // Commander has printed its message and the usage already.
    if (!(error instanceof CommanderError)) reportFailure(io(), failure, error);
    else if (json) {
      streams.stdout.write(
        `${JSON.stringify({ error: { code: failure.code, message: failure.message, context: {} } })}\n`,
      );
    }
    return failure.exitCode;
  }
}

function indexOrEnd(argv: readonly string[], word: string): number {
  const at = argv.indexOf(word);
  return at < 0 ? argv.length : at;
}

/** Whether `name` is the first word that is neither a global option nor its value. */
function isFirstWord(argv: readonly string[], name: string): boolean {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--log-level") i++;
    else if (!word.startsWith("-")) return word === name;
  }
  return false;
}

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Aborts the controller at the first SIGINT, SIGTERM or SIGHUP; a later one, not part of the same interruption, ends the
 * process at once with 130.
 */
function abortOnSignals(controller: AbortController): void {
  let firstAt: number | undefined;
  const onSignal = (): void => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      controller.abort();
    } else if (now - firstAt > ONE_INTERRUPTION_MS) {
      endAtOnce();
    }
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
}

/**
 * Exit code 130. `process.exit` waits for file system calls under way, for ever where a file server hangs; then the
 * process dies by SIGINT, which a shell shows as 130 too.
 */
function endAtOnce(): void {
  if (process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"))) {
    process.removeAllListeners("SIGINT");
    process.kill(process.pid, "SIGINT");
  } else process.exit(130);
}

/**
 * Whoever read our output has gone (`| head`, a lost terminal): end quietly, as if told to stop. A log that finds no room on its disk
 * loses lines, and nothing else: a daemon's work goes on.
 */
function abortOnClosedOutput(controller: AbortController): { closed(): boolean } {
  let closed = false;
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE" && error.code !== "EIO" && error.code !== "ERR_STREAM_DESTROYED") throw error;
    closed = true;
    controller.abort();
  };
  process.stdout.on("error", onError);
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOSPC" && error.code !== "EDQUOT") onError(error);
  });
  return { closed: () => closed };
}

/** Runs the command line of this process and ends it. */
export async function runProcess(): Promise<never> {
  const controller = new AbortController();
  abortOnSignals(controller);
  const output = abortOnClosedOutput(controller);
  const code = await main(process.argv.slice(2), process, controller.signal);
  // A pipe's last bytes may still be on their way; a closed one answers with an error, which is an answer too.
  await Promise.all(
    [process.stdout, process.stderr].map((s) => new Promise<void>((done) => s.write("", () => done()))),
  );
  process.exit(output.closed() && code === 130 ? 0 : code);
}

if (import.meta.main) await runProcess();
