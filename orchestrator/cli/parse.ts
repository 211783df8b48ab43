import { ConfigError } from "../../worker/contract/errors.ts";
import { STANDARD_BANKS, type StandardBank } from "../../worker/contract/grok.ts";
import type { FieldMessage, LineParser, LineParsers } from "../../worker/contract/line-parser.ts";
import { configOf, examples, withConfig, type Command, type ConfigOptions, type Io } from "./command.ts";

interface ParseFlags extends ConfigOptions {
  readonly grok?: readonly string[];
  readonly bank?: string;
  readonly patterns?: readonly string[];
  readonly ndjson?: string;
  readonly explain?: true;
  readonly quiet?: true;
}

/** `gridharvest parse FILE|-`: what becomes of log lines, a JSON document for each. */
export const parse: Command = {
  name: "parse",
  register(program, run) {
    withConfig(
      program
        .command("parse <file>")
        .description(
          "Parse the lines of a file (- for the standard input): one JSON document a line, in the order of the input",
        ),
    )
      .option(
        "--grok <expression>",
        "a grok expression; several are tried in order, the first that matches counts",
        collect,
      )
      .option("--bank <bank>", `the standard patterns: ${STANDARD_BANKS.join(" or ")} (default: ${STANDARD_BANKS[0]})`)
      .option(
        "--patterns <dir>",
        "a directory of pattern files beside the standard ones; may be repeated, later ones win",
        collect,
      )
      .option(
        "--ndjson <field>",
        "lines are JSON objects: the message, of one or more lines, is the text of this field",
      )
      .option("--explain", "print what was tried on each line, and how far a pattern that missed got")
      .option("-q, --quiet", "no summary on stderr")
      .addHelpText(
        "after",
        examples(
          "gridharvest parse --grok '%{SYSLOGLINE}' /var/log/syslog",
          "zcat auth.log.gz | gridharvest parse --bank ecs-v1 --patterns ./patterns --grok '%{SYSLOGBASE} %{MY_EVENT}' -",
          "gridharvest parse --grok '%{SYSLOGBASE} %{WORD:verb} for %{USER:user}' --explain auth.log | less",
          "gridharvest parse --grok '%{JAVASTACKTRACEPART}' --ndjson message events.ndjson | jq .class",
        ),
      )
      .action((file: string, flags: ParseFlags) =>
        run(async (io, signal, parts) => {
          const expressions = expressionsOf(flags);
          const bank = bankOf(flags.bank);
          const parsers = await parts.lineParsers();
          const field = flags.ndjson === undefined ? undefined : fieldOf(flags.ndjson, parsers);
          const parser = await grokParser(parsers, expressions, bank, flags, io);
          const { readInput } = await import("../parse/input.ts");
          const { parseLines } = await import("../parse/parse-lines.ts");
          const options = { parser, explain: flags.explain === true, ...(field && { field }) };
          const summary = await parseLines(readInput(file, signal), options, io, signal);
          if (flags.quiet !== true && !io.json) {
            const { formatSummary } = await import("../parse/summary.ts");
            io.stderr.write(formatSummary(summary, expressions));
          }
          return summary.unreadable > 0 ? 3 : 0;
        }),
      );
  },
};

function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}

function expressionsOf({ grok }: ParseFlags): readonly string[] {
  if (grok?.includes(""))
    throw new ConfigError("USAGE", "--grok is empty; write an expression, e.g. --grok '%{SYSLOGLINE}'");
  if (grok) return grok;
  throw new ConfigError("USAGE", "say how to parse: --grok EXPRESSION, e.g. --grok '%{SYSLOGLINE}'");
}

function bankOf(name: string | undefined): StandardBank {
  const found = STANDARD_BANKS.find((bank) => bank === (name ?? STANDARD_BANKS[0]));
  if (found) return found;
  throw new ConfigError("USAGE", `--bank ${name ?? ""}: write ${STANDARD_BANKS.join(" or ")}`);
}

function fieldOf(name: string, parsers: LineParsers): (line: Uint8Array) => FieldMessage | undefined {
  try {
    return parsers.jsonField(name);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError("USAGE", `--ndjson ${error.message}`);
    throw error;
  }
}

async function grokParser(
  parsers: LineParsers,
  expressions: readonly string[],
  bank: StandardBank,
  flags: ParseFlags,
  io: Io,
): Promise<LineParser> {
  const { ownPatternFiles, patternFiles } = await import("../parse/pattern-files.ts");
  const files = [...ownPatternFiles()];
  for (const dir of flags.patterns ?? []) files.push(...(await patternFiles(dir)));
  const { config } = await configOf(flags, io);
  const { statePaths } = await import("../paths.ts");
  const { ensureGrokBanks } = await import("../runtimes/grok-banks.ts");
  const banks = await ensureGrokBanks(config, statePaths(config.stateDir), io.log);
  return parsers.grok({ expressions, bank, standard: banks[bank], files });
}
