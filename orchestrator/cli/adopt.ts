import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

/** `gridharvest adopt ID`: takes over a campaign whose orchestrator died. */
export const adopt: Command = {
  name: "adopt",
  register(program, run) {
    withConfig(program.command("adopt <id>").description("Take over a campaign whose orchestrator died, and watch it"))
      .option("--foreground", "run the orchestrator in this process")
      .option("--detach", "do not watch")
      .addHelpText("after", examples("gridharvest adopt 2013-01-k3f9a"))
      .action((id: string, options: ConfigOptions & { readonly foreground?: true; readonly detach?: true }) =>
        run(async (io, signal) => {
          const site = await siteOf(options, io);
          const { adoptCampaign } = await import("../adopt.ts");
          await adoptCampaign(site, id, io, signal, options.foreground === true);
          if (options.detach) {
            print(io, { id }, () => `${id} has an orchestrator again\n`);
            return 0;
          }
          const { watchToTheEnd } = await import("../watch.ts");
          const { status, exitCode } = await watchToTheEnd(site.stateDir, id, io, signal);
          if (io.json) print(io, status, () => "");
          return exitCode;
        }),
      );
  },
};
