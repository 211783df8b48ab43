import { examples, type Command } from "./command.ts";

/** `gridharvest orchestrate ID`: the daemon that `launch` and `adopt` start. Hidden from the help. */
export const orchestrate: Command = {
  name: "orchestrate",
  register(program, run) {
    program
      .command("orchestrate <id>", { hidden: true })
      .requiredOption("--state-dir <dir>", "state directory")
      .option("--end", "end the campaign")
      .addHelpText("after", examples("gridharvest orchestrate 2013-01-k3f9a --state-dir /var/lib/gridharvest"))
      .action((id: string, options: { readonly stateDir: string; readonly end?: true }) =>
        run(async (io, signal) => {
          const { orchestrate: runCampaign } = await import("../orchestrate.ts");
          const state = await runCampaign({
            stateDir: options.stateDir,
            id,
            log: io.log,
            signal,
            end: options.end === true,
          });
          return state === "done" ? 0 : 1;
        }),
      );
  },
};
