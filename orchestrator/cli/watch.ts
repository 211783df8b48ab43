import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

/** `gridharvest watch ID`: follows a campaign; Ctrl-C ends the watching, not the campaign. */
export const watch: Command = {
  name: "watch",
  register(program, run) {
    withConfig(
      program.command("watch <id>").description("Follow a campaign until it ends; Ctrl-C ends the watching only"),
    )
      .addHelpText(
        "after",
        examples("gridharvest watch 2013-01-k3f9a", "gridharvest watch 2013-01-k3f9a | tee watch.log"),
      )
      .action((id: string, options: ConfigOptions) =>
        run(async (io, signal) => {
          const { watchToTheEnd } = await import("../watch.ts");
          const { status, exitCode } = await watchToTheEnd((await siteOf(options, io)).stateDir, id, io, signal);
          if (io.json) print(io, status, () => "");
          return exitCode;
        }),
      );
  },
};
