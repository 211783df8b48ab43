import { examples, type Command } from "./command.ts";

/**
 * `gridharvest at-gateway`: does on this machine, which is the gateway host, what the first line of stdin says, and prints the answer as JSON.
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
        await answerAtGateway(process.stdin, (line) => io.stdout.write(line), io.log, signal);
        return 0;
      }),
    );
  },
};
