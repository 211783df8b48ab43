import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../../worker/contract/errors.ts";
import { examples, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

/** `gridharvest logs ID [NODE]`: the orchestrator's log, or everything that a job or the gateway wrote. */
export const logs: Command = {
  name: "logs",
  register(program, run) {
    withConfig(
      program
        .command("logs <id> [node]")
        .description("Print the log of a campaign's orchestrator, of a job (by its name), or of the gateway"),
    )
      .addHelpText(
        "after",
        examples(
          "gridharvest logs 2013-01-k3f9a",
          "gridharvest logs 2013-01-k3f9a gh-k3f9a-d1",
          "gridharvest logs 2013-01-k3f9a gateway",
        ),
      )
      .action((id: string, node: string | undefined, options: ConfigOptions) =>
        run(async (io, signal) => {
          const { loadCampaign } = await import("../campaign-store.ts");
          const { paths } = await loadCampaign((await siteOf(options, io)).stateDir, id);
          const files =
            node === undefined
              ? [paths.orchestratorLog]
              : node === "gateway"
                ? await logFiles(paths.gateway)
                : await logFiles(join(paths.jobs, node));
          if (files.length === 0) {
            const known = await readdir(paths.jobs).catch(() => []);
            throw new ConfigError(
              "LOG_UNKNOWN",
              `campaign ${id} has no logs of ${node ?? ""}; there are: ${["gateway", ...known].join(", ")}`,
            );
          }
          for (const file of files) {
            if (files.length > 1) io.stdout.write(`==> ${file} <==\n`);
            for await (const block of createReadStream(file, { signal })) io.stdout.write(block as Buffer);
          }
          return 0;
        }),
      );
  },
};

/** Files below a directory whose names say that they are logs or a job's output, two levels deep. */
async function logFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && /\.(log|out|err)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
