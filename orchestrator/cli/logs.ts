import { ConfigError } from "../../worker/contract/errors.ts";
import { examples, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

interface LogsOptions extends ConfigOptions {
  readonly follow?: true;
  readonly lines?: string;
}

/** `gridharvest logs ID [NODE]`: the orchestrator's log, or everything that a job or the gateway wrote. */
export const logs: Command = {
  name: "logs",
  register(program, run) {
    withConfig(
      program
        .command("logs <id> [node]")
        .description("Print the log of a campaign's orchestrator, of a job (by its name), or of the gateway"),
    )
      .option("-f, --follow", "print what is added as well, until nobody writes any more; Ctrl-C ends it")
      .option("-n, --lines <n>", "only the last lines of each file")
      .addHelpText(
        "after",
        examples(
          "gridharvest logs 2013-01-k3f9a",
          "gridharvest logs 2013-01-k3f9a gh-k3f9a-d1 --lines 100",
          "gridharvest logs 2013-01-k3f9a gateway --follow",
          "gridharvest logs 2013-01-k3f9a gh-k3f9a-p1 --json | jq -r .text",
        ),
      )
      .action((id: string, node: string | undefined, options: LogsOptions) =>
        run(async (io, signal) => {
          const lines = linesOf(options.lines);
          const { loadCampaign } = await import("../campaign-store.ts");
          const { isLogOver, jobsWithFiles, logFiles } = await import("../logs/files.ts");
          const { followLogs } = await import("../logs/follow.ts");
          const { printLines, printLogs } = await import("../logs/print.ts");
          const { paths } = await loadCampaign((await siteOf(options, io)).stateDir, id);
          const files = await logFiles(paths, node);
          const jobs = await jobsWithFiles(paths);
          // One that has written nothing yet can be waited for.
          const isKnown = files.length > 0 || (options.follow === true && node !== undefined && jobs.includes(node));
          if (!isKnown) {
            throw new ConfigError(
              "LOG_UNKNOWN",
              node === undefined
                ? `campaign ${id} has no orchestrator's log yet (${paths.orchestratorLog}): none was started; start one with \`gridharvest adopt ${id}\``
                : `campaign ${id} has no logs of ${node}; there are: ${["gateway", ...jobs].join(", ")}`,
            );
          }
          if (options.follow !== true) await printLogs(io, files, lines, signal);
          else {
            const source = followLogs({
              files: () => logFiles(paths, node),
              lines,
              isOver: () => isLogOver(paths, node),
              signal,
            });
            await printLines(io, source, signal);
          }
          return 0;
        }),
      );
  },
};

function linesOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new ConfigError("USAGE", `--lines ${text}: write a number of lines`);
  return Number(text);
}
