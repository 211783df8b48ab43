import { createReadStream, existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ConfigError } from "../../worker/contract/errors.ts";
import type { CampaignPaths } from "../paths.ts";
import { examples, withConfig, type Command, type ConfigOptions, type Io } from "./command.ts";
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
          "gridharvest logs 2013-01-k3f9a gh-k3f9a-p1 --json | jq -r .text",
        ),
      )
      .action((id: string, node: string | undefined, options: ConfigOptions) =>
        run(async (io, signal) => {
          const { loadCampaign } = await import("../campaign-store.ts");
          const { paths } = await loadCampaign((await siteOf(options, io)).stateDir, id);
          const files = await filesOf(paths, node);
          if (files.length === 0) {
            const jobs = await readdir(paths.jobs).catch(() => []);
            throw new ConfigError(
              "LOG_UNKNOWN",
              node === undefined
                ? `campaign ${id} has no orchestrator's log yet (${paths.orchestratorLog}): none was started; start one with \`gridharvest adopt ${id}\``
                : `campaign ${id} has no logs of ${node}; there are: ${["gateway", ...jobs].join(", ")}`,
            );
          }
          for (const file of files) await printFile(io, file, files.length > 1, signal);
          return 0;
        }),
      );
  },
};

async function filesOf(paths: CampaignPaths, node: string | undefined): Promise<readonly string[]> {
  if (node === undefined) return existsSync(paths.orchestratorLog) ? [paths.orchestratorLog] : [];
  // Its name becomes part of a path.
  const known = await readdir(paths.jobs).catch((): string[] => []);
  if (node !== "gateway" && !known.includes(node)) return [];
  return logFiles(node === "gateway" ? paths.gateway : join(paths.jobs, node));
}

/** As it is, or with `--json` one object for each line. No faster than somebody reads. */
async function printFile(io: Io, file: string, title: boolean, signal: AbortSignal): Promise<void> {
  const source = createReadStream(file);
  const options = { signal, end: false };
  try {
    if (io.json) {
      const objects = async function* (input: Readable): AsyncGenerator<string> {
        for await (const text of createInterface({ input, crlfDelay: Infinity })) {
          yield `${JSON.stringify({ file, text })}\n`;
        }
      };
      await pipeline(source, objects, io.stdout, options);
      return;
    }
    if (title) io.stdout.write(`==> ${file} <==\n`);
    await pipeline(source, io.stdout, options);
  } catch (error) {
    // Whoever read it has gone.
    signal.throwIfAborted();
    throw error;
  }
}

/** Files below a directory whose names say that they are logs or a job's output. */
async function logFiles(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && /\.(log|out|err)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
