import type { Command as Order } from "../commands.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

/** The commands that only tell a living orchestrator something: pause, resume, cancel. */
function telling(name: "pause" | "resume" | "cancel", description: string): Command {
  return {
    name,
    register(program, run) {
      withConfig(program.command(`${name} <id>`).description(description))
        .addHelpText("after", examples(`gridharvest ${name} 2013-01-k3f9a`))
        .action((id: string, options: ConfigOptions) =>
          run(async (io, signal) => {
            const order: Order = { kind: name };
            const { tellOrchestrator } = await import("../tell.ts");
            const reply = await tellOrchestrator(await siteOf(options, io), id, order, signal);
            print(io, { id, ...reply }, () => `${reply.text}\n`);
            return 0;
          }),
        );
    },
  };
}

export const pause = telling("pause", "Close the spool: parsers finish what they have and take nothing new");
export const resume = telling("resume", "Open the spool again; of a held campaign also try failed chunks again");
export const cancel = telling("cancel", "End a campaign without its result; the cluster is torn down");
