import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

/** `gridharvest extend ID`: a cluster that serves ends later, or earlier. */
export const extend: Command = {
  name: "extend",
  register(program, run) {
    withConfig(
      program
        .command("extend <id>")
        .description(
          "Let a cluster that serves (serve, or launch --finish keep) end at another time, later or earlier",
        ),
    )
      .requiredOption("--until <time>", "how long from now (+4h), a time of day (18:30) or a time (2026-03-01T18:00)")
      .addHelpText(
        "after",
        examples("gridharvest extend january --until +2h", "gridharvest extend january --until 18:30"),
      )
      .action((id: string, options: ConfigOptions & { readonly until: string }) =>
        run(async (io, signal) => {
          const { parseUntil } = await import("../serving/until.ts");
          const until = parseUntil(options.until, Date.now());
          const { tellOrchestrator } = await import("../tell.ts");
          const reply = await tellOrchestrator(await siteOf(options, io), id, { kind: "extend", until }, signal);
          print(io, { id, until: new Date(until).toISOString(), ...reply }, () => `${reply.text}\n`);
          return 0;
        }),
      );
  },
};
