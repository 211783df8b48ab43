import { text } from "node:stream/consumers";
import { examples, type Command } from "./command.ts";

/**
 * `gridharvest at-gateway`: does on this machine, which is the gateway host, what stands on stdin, and prints the answer as JSON.
 * Started through `network.gateway`. Hidden from the help.
 */
export const atGateway: Command = {
  name: "at-gateway",
  register(program, run) {
    const command = program.command("at-gateway", { hidden: true });
    command.addHelpText(
      "after",
      examples(`echo '{"act":"check","embedded":[],"addresses":[]}' | gridharvest at-gateway`),
    );
    command.action(() =>
      run(async (io, signal) => {
        const { answerAtGateway } = await import("../gateway/index.ts");
        io.stdout.write(await answerAtGateway(await text(process.stdin), io.log, signal));
        return 0;
      }),
    );
  },
};
