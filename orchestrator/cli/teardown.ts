import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

/**
 * `gridharvest teardown ID`: ends everything of a campaign, from any half-built state, any number of times, with and
 * without a living orchestrator.
 */
export const teardown: Command = {
  name: "teardown",
  register(program, run) {
    withConfig(
      program
        .command("teardown <id>")
        .description(
          "End everything of a campaign: jobs, gateway, keys, secrets. Its result and report stay; one that has not saved its result yet is cancelled",
        ),
    )
      .addHelpText("after", examples("gridharvest teardown 2013-01-k3f9a"))
      .action((id: string, options: ConfigOptions) =>
        run(async (io, signal) => {
          const site = await siteOf(options, io);
          const { teardownCampaign } = await import("../teardown-campaign.ts");
          const status = await teardownCampaign(site, id, io, signal);
          print(io, status, () => `campaign ${id}: ${status.state}; nothing of it runs any more\n`);
          return 0;
        }),
      );
  },
};
