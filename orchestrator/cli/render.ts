import { ConfigError } from "../../worker/contract/errors.ts";
import { NODE_ROLES, type NodeRole } from "../../worker/contract/keys.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";
import type { RenderedNode } from "../render-node.ts";

/** `gridharvest render`: a job script, the command that submits it, and its node file, exactly as they would be. */
export const render: Command = {
  name: "render",
  register(program, run) {
    withConfig(
      program
        .command("render")
        .description(
          "Print the job script of a role, the command that submits it, and the node file, exactly as they would be; starts nothing",
        ),
    )
      .requiredOption("--role <role>", NODE_ROLES.join(" or "))
      .addHelpText(
        "after",
        examples("gridharvest render --config site.yaml --role es-data", "gridharvest render --role parser --json"),
      )
      .action((options: ConfigOptions & { readonly role: string }) =>
        run(async (io, signal) => {
          if (!NODE_ROLES.includes(options.role as NodeRole)) {
            throw new ConfigError("USAGE", `--role ${options.role}: write ${NODE_ROLES.join(" or ")}`);
          }
          const { renderNode } = await import("../render-node.ts");
          const rendered = await renderNode(await siteOf(options, io), options.role as NodeRole, signal);
          print(io, rendered, () => textOf(rendered));
          return 0;
        }),
      );
  },
};

/** The three after one another; the command as it can be pasted into a shell. */
function textOf({ script, submit, node }: RenderedNode): string {
  const words = submit.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`));
  return `${script}\n# ${words.join(" ")}\n\n# node.json\n${JSON.stringify(node, null, 2)}\n`;
}
