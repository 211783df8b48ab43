import { ConfigError } from "../../worker/contract/errors.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

/** Node-hours, or null for no limit. @throws ConfigError `USAGE` */
export function nodeHoursOf(text: string): number | null {
  if (text === "none") return null;
  const hours = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && hours > 0) return hours;
  throw new ConfigError("USAGE", `--node-hours ${text}: write a number above 0, or none`);
}

/** `gridharvest budget ID`: what a campaign may cost; with `--node-hours` another limit from now on. */
export const budget: Command = {
  name: "budget",
  register(program, run) {
    withConfig(
      program
        .command("budget <id>")
        .description("Show what a campaign has cost of what it may cost, or change how much that is"),
    )
      .option("--node-hours <n>", "node-hours after which nothing more is submitted, or none")
      .addHelpText(
        "after",
        examples("gridharvest budget 2013-01-k3f9a", "gridharvest budget 2013-01-k3f9a --node-hours 400"),
      )
      .action((id: string, options: ConfigOptions & { readonly nodeHours?: string }) =>
        run(async (io, signal) => {
          const site = await siteOf(options, io);
          if (options.nodeHours === undefined) {
            const { campaignStatus } = await import("../status.ts");
            const { accountText } = await import("../accounting.ts");
            const { budgetText } = await import("../budget.ts");
            const status = await campaignStatus(site.stateDir, id);
            const { account, budget: limit = null } = status;
            print(io, { id, budget: limit, account }, () => {
              return limit ? `${budgetText(limit)}\n` : `${accountText(account)}; no limit\n`;
            });
            return 0;
          }
          const nodeHours = nodeHoursOf(options.nodeHours);
          const { tellOrchestrator } = await import("../tell.ts");
          const reply = await tellOrchestrator(site, id, { kind: "budget", nodeHours }, signal);
          print(io, { id, ...reply }, () => `${reply.text}\n`);
          return 0;
        }),
      );
  },
};
