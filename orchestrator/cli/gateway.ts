import type { Command } from "./command.ts";

/** `gridharvest gateway DIR`: the supervisor of haproxy and the master, started by the orchestrator. Hidden from the help. */
export const gateway: Command = {
  name: "gateway",
  register(program, run) {
    program.command("gateway <dir>", { hidden: true }).action((dir: string) =>
      run(async (_io, signal) => {
        const { runGatewaySupervisor } = await import("../gateway/index.ts");
        await runGatewaySupervisor(dir, signal);
        return 0;
      }),
    );
  },
};
