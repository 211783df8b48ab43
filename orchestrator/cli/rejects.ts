import { ConfigError } from "../../worker/contract/errors.ts";
import {
  configOf,
  examples,
  print,
  withConfig,
  type Command,
  type ConfigOptions,
  type ExitCode,
  type Io,
  type Parts,
} from "./command.ts";
import { formatCount, formatTable, printable } from "./io.ts";
import { siteOf } from "./site.ts";

interface RejectsFlags extends ConfigOptions {
  readonly replay?: true;
  readonly pipeline?: string;
  readonly service?: string;
}

/** Of an example's line so much is shown; `--json` has all of it. */
const SHOWN_BYTES = 300;

const DETAILS = `
Rejected documents are those that Elasticsearch refused for good, for what stands in them. Each keeps the bytes of its line and its place in the
campaign's directory, below rejects/. A group has error, program and first word of the message in common; its example is the first of them.

--replay loads them again once the cause is mended: the mapping, or with --pipeline how their lines are read. Ids stay those of file and offset, what is rejected again
is shown here again, and the ledger has a row of its own for each replay. It needs the campaign's spool: while it loads, also when it is paused or held; when
it serves, or is held after its load, it goes back to loading first, with new parsers, and takes its snapshot anew.
`;

/** `gridharvest rejects ID`: what Elasticsearch refused, by reason, with an example each; with --replay it is loaded again. */
export const rejects: Command = {
  name: "rejects",
  register(program, run) {
    withConfig(
      program
        .command("rejects <id>")
        .description(
          "Show the documents that Elasticsearch refused for good, by reason, with an example of each; or load them again",
        ),
    )
      .option("--replay", "load them again")
      .option("--pipeline <file>", "with --replay: read their lines by this pipeline (default: the campaign's own)")
      .option(
        "--service <name>",
        "with --replay: only those of files that this service's pipeline reads (default: with --pipeline its name, else all)",
      )
      .addHelpText(
        "after",
        DETAILS +
          examples(
            "gridharvest rejects 2013-01-k3f9a",
            "gridharvest rejects 2013-01-k3f9a --json | jq -r '.groups[0].raw' | base64 -d | gridharvest parse --explain -",
            "gridharvest rejects 2013-01-k3f9a --replay",
            "gridharvest rejects 2013-01-k3f9a --replay --pipeline auth.yaml",
          ),
      )
      .action((id: string, flags: RejectsFlags) =>
        run(async (io, signal, parts) => {
          if (flags.replay) return await replay(id, flags, io, signal, parts);
          const [needless] = (["pipeline", "service"] as const).filter((name) => flags[name] !== undefined);
          if (needless) throw new ConfigError("USAGE", `--${needless} goes with --replay; add it`);
          return await show(id, flags, io);
        }),
      );
  },
};

async function show(id: string, flags: ConfigOptions, io: Io): Promise<ExitCode> {
  const site = await siteOf(flags, io);
  const { rejectsOf } = await import("../rejects.ts");
  const report = await rejectsOf(site, id);
  print(io, { id, ...report }, () => {
    if (report.documents === 0) return "nothing was rejected\n";
    const columns = [
      { title: "DOCUMENTS", align: "right" },
      { title: "ERROR" },
      { title: "PROGRAM" },
      { title: "FIRST WORD" },
    ] as const;
    const rows = report.groups.map(({ documents, type, program, word }) =>
      [formatCount(documents), type, program, word].map(printable),
    );
    const shown = report.groups.map(({ file, offset, reason, raw }) => {
      const line = Buffer.from(raw, "base64").toString("utf8").trimEnd();
      const cut = line.length > SHOWN_BYTES ? `${line.slice(0, SHOWN_BYTES)}…` : line;
      return `\n${printable(file)}, offset ${String(offset)}: ${printable(reason)}\n  ${printable(cut)}\n`;
    });
    const total = `${formatCount(report.documents)} documents were rejected\n\n`;
    return `${total}${formatTable(columns, rows)}${shown.join("")}`;
  });
  return 0;
}

async function replay(id: string, flags: RejectsFlags, io: Io, signal: AbortSignal, parts: Parts): Promise<ExitCode> {
  const resolved = await configOf(flags, io);
  const { askForReplay } = await import("../replay/ask-for-replay.ts");
  const reply = await askForReplay(resolved, id, flags, { parts, log: io.log, signal });
  print(io, { id, ...reply }, () => `${reply.text}\n`);
  return 0;
}
