import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatCount, formatTable, printable } from "./io.ts";
import { siteOf } from "./site.ts";

/** Of an example's line so much is shown; `--json` has all of it. */
const SHOWN_BYTES = 300;

const DETAILS = `
Rejected documents are those that Elasticsearch refused for good, for what stands in them. Each keeps the bytes of its line and its place in the
campaign's directory, below rejects/. A group has error, program and first word of the message in common; its example is the first of them.
`;

/** `gridharvest rejects ID`: what Elasticsearch refused, by reason, with an example each. */
export const rejects: Command = {
  name: "rejects",
  register(program, run) {
    withConfig(
      program
        .command("rejects <id>")
        .description("Show the documents that Elasticsearch refused for good, by reason, with an example of each"),
    )
      .addHelpText(
        "after",
        DETAILS +
          examples(
            "gridharvest rejects 2013-01-k3f9a",
            "gridharvest rejects 2013-01-k3f9a --json | jq -r '.groups[0].raw' | base64 -d | gridharvest parse --explain -",
          ),
      )
      .action((id: string, options: ConfigOptions) =>
        run(async (io) => {
          const site = await siteOf(options, io);
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
        }),
      );
  },
};
