import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

/** `gridharvest status ID`: one screen. */
export const status: Command = {
  name: "status",
  register(program, run) {
    withConfig(
      program.command("status <id>").description("Show a campaign: state, jobs, chunks, rate, time left, rejects"),
    )
      .addHelpText("after", examples("gridharvest status 2013-01-k3f9a", "gridharvest status 2013-01-k3f9a --json"))
      .action((id: string, options: ConfigOptions) =>
        run(async (io) => {
          const { campaignStatus } = await import("../status.ts");
          const { statusText } = await import("../watch.ts");
          const result = await campaignStatus((await siteOf(options, io)).stateDir, id);
          print(io, result, () => statusText(result));
          return 0;
        }),
      );
  },
};
