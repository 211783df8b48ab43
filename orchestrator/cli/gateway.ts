import { examples, type Command } from "./command.ts";

/** `gridharvest gateway DIR`: the supervisor of haproxy and the master, started by the orchestrator. Hidden from the help. */
export const gateway: Command = {
  name: "gateway",
  register(program, run) {
    const command = program.command("gateway <dir>", { hidden: true });
    command.addHelpText("after", examples("gridharvest gateway campaigns/2013-01-k3f9a/gateway"));
    command.action((dir: string) =>
      run(async (_io, signal) => {
        const { runGatewaySupervisor } = await import("../gateway/index.ts");
        await runGatewaySupervisor(dir, signal);
        return 0;
      }),
    );
  },
};
