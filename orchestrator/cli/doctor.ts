import { configOf, examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";

/** `gridharvest doctor`: what a campaign would miss, here and on the grid, each with its remedy. */
export const doctor: Command = {
  name: "doctor",
  register(program, run) {
    withConfig(
      program
        .command("doctor")
        .description("Says what a campaign would miss, here and on the grid, each with its remedy"),
    )
      .addHelpText(
        "after",
        `${examples("gridharvest doctor", "gridharvest doctor --config site.yaml", "gridharvest --json doctor")}

On a site's batch system it submits a job of a minute or two for each place where jobs go, and deletes it again.

Exit code: 0 when everything is there (what is marked with ! is to be known and stops nothing), 1 otherwise.`,
      )
      .action((options: ConfigOptions) =>
        run(async (io, signal, parts) => {
          const resolved = await configOf(options, io);
          const { statePaths } = await import("../paths.ts");
          const { diagnose, formatDiagnoses, isSound } = await import("../doctor.ts");
          const checks = await diagnose({
            resolved,
            paths: statePaths(resolved.config.stateDir),
            makeRules: parts.makeRules,
            signal,
          });
          const sound = isSound(checks);
          print(io, { sound, checks }, () => formatDiagnoses(checks));
          return sound ? 0 : 1;
        }),
      );
  },
};
