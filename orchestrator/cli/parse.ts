import { ConfigError } from "../../worker/contract/errors.ts";
import { STANDARD_BANKS, type StandardBank } from "../../worker/contract/grok.ts";
import type { FieldMessage, GrokParserOptions, LineParsers } from "../../worker/contract/line-parser.ts";
import {
  configOf,
  examples,
  withConfig,
  type Command,
  type ConfigOptions,
  type ExitCode,
  type Io,
  type Parts,
} from "./command.ts";

interface ParseFlags extends ConfigOptions {
  readonly pipeline?: string;
  readonly service?: string;
  readonly date?: string;
  readonly timeZone?: string;
  readonly grok?: readonly string[];
  readonly bank?: string;
  readonly patterns?: readonly string[];
  readonly ndjson?: string;
  readonly explain?: true;
  readonly quiet?: true;
}

/** Options that say something of a pipeline's lines: none of `--grok`. */
const OF_PIPELINES = [
  ["pipeline", "--pipeline"],
  ["service", "--service"],
  ["date", "--date"],
  ["timeZone", "--time-zone"],
] as const;

const DETAILS = `
Without --grok the lines go through a pipeline, as those of a campaign do: the one of --pipeline, else that of --service. A document is
what a campaign would store; its file is FILE as you write it, its offset that of the line in it. Lines that the pipeline drops print
nothing and are counted. Patterns, banks and databases are those of --patterns and --bank and of the configuration's section pipelines.

The year of dates that say none, as in syslog, is that of --date, else it is told by the date of FILE: no line is younger than its file.
Lines from the standard input count as written until now.
`;

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
      .option("--pipeline <file>", "a pipeline, as a campaign would run it (default: that of --service)")
      .option("--service <name>", "the service whose lines they are (default: the pipeline's name, or syslog)")
      .option("--date <date>", "when the lines were written, for dates without a year: 2013, 2013-01 or 2013-01-14")
      .option("--time-zone <zone>", "time zone of local times, as archive.timeZone")
      .option(
        "--grok <expression>",
        "instead of a pipeline a grok expression; several are tried in order, the first that matches counts",
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
        DETAILS +
          examples(
            "gridharvest parse /var/log/syslog",
            "gridharvest parse --pipeline gatekeeper.yaml --date 2013-01 --explain gatekeeper.log | less",
            "gridharvest parse --grok '%{SYSLOGLINE}' /var/log/syslog",
            "zcat auth.log.gz | gridharvest parse --bank ecs-v1 --patterns ./patterns --grok '%{SYSLOGBASE} %{MY_EVENT}' -",
            "gridharvest parse --grok '%{JAVASTACKTRACEPART}' --ndjson message events.ndjson | jq .class",
          ),
      )
      .action((file: string, flags: ParseFlags) =>
        run((io, signal, parts) =>
          flags.grok ? parseByGrok(file, flags, io, signal, parts) : parseByPipeline(file, flags, io, signal, parts),
        ),
      );
  },
};

async function parseByGrok(
  file: string,
  flags: ParseFlags,
  io: Io,
  signal: AbortSignal,
  parts: Parts,
): Promise<ExitCode> {
  const expressions = expressionsOf(flags);
  for (const [name, flag] of OF_PIPELINES) {
    if (flags[name] !== undefined) throw new ConfigError("USAGE", `${flag} is for pipelines; take it or --grok out`);
  }
  const bank = bankOf(flags.bank) ?? STANDARD_BANKS[0];
  const parsers = await parts.lineParsers();
  const field = flags.ndjson === undefined ? undefined : fieldOf(flags.ndjson, parsers);
  const { options, own } = await grokOptions(expressions, bank, flags, io);
  const parser = parsers.grok(options);
  if (flags.quiet !== true) {
    const { dangerText } = await import("../pipelines/danger-text.ts");
    for (const danger of parsers.dangers(options, own)) io.log.warn(dangerText(danger));
  }
  const { readInput } = await import("../parse/input.ts");
  const { parseLines } = await import("../parse/parse-lines.ts");
  const how = { parser, explain: flags.explain === true, ...(field && { field }) };
  const summary = await parseLines(readInput(file, signal), how, io, signal);
  if (flags.quiet !== true && !io.json) {
    const { formatSummary } = await import("../parse/summary.ts");
    io.stderr.write(formatSummary(summary, expressions));
  }
  return summary.unreadable > 0 ? 3 : 0;
}

async function parseByPipeline(
  file: string,
  flags: ParseFlags,
  io: Io,
  signal: AbortSignal,
  parts: Parts,
): Promise<ExitCode> {
  const { pipeline, service: named, date } = flags;
  if (named === "") throw new ConfigError("USAGE", "--service is empty; write the name of a service, e.g. auth");
  const resolved = await configOf(flags, io, {
    "archive.timeZone": { flag: "--time-zone", value: flags.timeZone },
  });
  const { rulesOfChoice } = await import("../parse/pipeline-rules.ts");
  const choice = { file: pipeline, service: named, bank: bankOf(flags.bank), patterns: flags.patterns ?? [] };
  const { rules, dangers, service } = await rulesOfChoice(resolved, choice, parts.makeRules, io.log);
  const { dangerText } = await import("../pipelines/danger-text.ts");
  for (const danger of dangers) if (flags.quiet !== true) io.log.warn(dangerText(danger));
  const { originOfInput } = await import("../parse/origin.ts");
  const origin = await originOfInput(file, service, resolved.config, date);
  const parsers = await parts.lineParsers();
  const field = flags.ndjson === undefined ? undefined : fieldOf(flags.ndjson, parsers);
  const parser = await parsers.pipeline(rules, origin);
  const { readInput } = await import("../parse/input.ts");
  const { parsePipeline } = await import("../parse/parse-pipeline.ts");
  const how = { parser, explain: flags.explain === true, ...(field && { field }) };
  const summary = await parsePipeline(readInput(file, signal), how, io, signal);
  if (flags.quiet !== true && !io.json) {
    const { formatPipelineSummary } = await import("../parse/summary.ts");
    io.stderr.write(formatPipelineSummary(summary));
  }
  return summary.unreadable > 0 ? 3 : 0;
}

function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}

function expressionsOf({ grok = [] }: ParseFlags): readonly string[] {
  if (!grok.includes("")) return grok;
  throw new ConfigError("USAGE", "--grok is empty; write an expression, e.g. --grok '%{SYSLOGLINE}'");
}

function bankOf(name: string | undefined): StandardBank | undefined {
  if (name === undefined) return undefined;
  const found = STANDARD_BANKS.find((bank) => bank === name);
  if (found) return found;
  throw new ConfigError("USAGE", `--bank ${name}: write ${STANDARD_BANKS.join(" or ")}`);
}

function fieldOf(name: string, parsers: LineParsers): (line: Uint8Array) => FieldMessage | undefined {
  try {
    return parsers.jsonField(name);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError("USAGE", `--ndjson ${error.message}`);
    throw error;
  }
}

async function grokOptions(
  expressions: readonly string[],
  bank: StandardBank,
  flags: ParseFlags,
  io: Io,
): Promise<{ readonly options: GrokParserOptions; readonly own: GrokParserOptions["files"] }> {
  const { ownPatternFiles, patternFiles } = await import("../parse/pattern-files.ts");
  const own = [];
  for (const dir of flags.patterns ?? []) own.push(...(await patternFiles(dir)));
  const { config } = await configOf(flags, io);
  const { statePaths } = await import("../paths.ts");
  const { ensureGrokBanks } = await import("../runtimes/grok-banks.ts");
  const banks = await ensureGrokBanks(config, statePaths(config.stateDir), io.log);
  return { options: { expressions, bank, standard: banks[bank], files: [...ownPatternFiles(), ...own] }, own };
}
