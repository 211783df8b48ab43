import { ConfigError } from "../../worker/contract/errors.ts";
import { NODE_ROLES, type NodeRole } from "../../worker/contract/keys.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

/** `gridharvest render`: a job script and its node file exactly as they would be submitted. */
export const render: Command = {
  name: "render",
  register(program, run) {
    withConfig(
      program
        .command("render")
        .description(
          "Print the job script and the node file of a role, exactly as they would be submitted; starts nothing",
        ),
    )
      .requiredOption("--role <role>", NODE_ROLES.join(" or "))
      .addHelpText(
        "after",
        examples("gridharvest render --config site.yaml --role es-data", "gridharvest render --role parser --json"),
      )
      .action((options: ConfigOptions & { readonly role: string }) =>
        run(async (io) => {
          if (!NODE_ROLES.includes(options.role as NodeRole)) {
            throw new ConfigError("USAGE", `--role ${options.role}: write ${NODE_ROLES.join(" or ")}`);
          }
          const { renderNode } = await import("../render-node.ts");
          const { script, node } = await renderNode(await siteOf(options, io), options.role as NodeRole);
          print(io, { script, node }, () => `${script}\n# node.json\n${JSON.stringify(node, null, 2)}\n`);
          return 0;
        }),
      );
  },
};
