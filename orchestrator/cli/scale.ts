import { ConfigError } from "../../worker/contract/errors.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

interface ScaleOptions extends ConfigOptions {
  readonly dataNodes?: string;
  readonly parsers?: string;
}

/** A positive whole number of a flag. @throws ConfigError `USAGE` */
export function countOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,4}$/.test(text))
    throw new ConfigError("USAGE", `${flag} ${text}: write a number of nodes, 1 or more`);
  return Number(text);
}

/** `gridharvest scale ID`: more or fewer nodes of either role, while the campaign runs. */
export const scale: Command = {
  name: "scale",
  register(program, run) {
    withConfig(
      program
        .command("scale <id>")
        .description(
          "Change the number of nodes of a running campaign; a data node goes when its shards have moved to others",
        ),
    )
      .option("--data-nodes <n>", "data nodes from now on; at least 1")
      .option("--parsers <n>", "parsers from now on")
      .addHelpText(
        "after",
        examples(
          "gridharvest scale 2013-01-k3f9a --parsers 16",
          "gridharvest scale 2013-01-k3f9a --data-nodes 8 --parsers 16",
        ),
      )
      .action((id: string, options: ScaleOptions) =>
        run(async (io, signal) => {
          const dataNodes = countOf("--data-nodes", options.dataNodes);
          const parsers = countOf("--parsers", options.parsers);
          if (dataNodes === undefined && parsers === undefined) {
            throw new ConfigError("USAGE", "say what to scale: --data-nodes N, --parsers N or both");
          }
          const { tellOrchestrator } = await import("../tell.ts");
          const reply = await tellOrchestrator(
            await siteOf(options, io),
            id,
            {
              kind: "scale",
              ...(dataNodes === undefined ? {} : { dataNodes }),
              ...(parsers === undefined ? {} : { parsers }),
            },
            signal,
          );
          print(io, { id, ...reply }, () => `${reply.text}\n`);
          return 0;
        }),
      );
  },
};
