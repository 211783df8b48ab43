import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { printable } from "./io.ts";
import { siteOf } from "./site.ts";

/** `gridharvest why ID`: why nothing is submitted, scaled or moving. */
export const why: Command = {
  name: "why",
  register(program, run) {
    withConfig(
      program
        .command("why <id>")
        .description("Say in a sentence each why nothing of a campaign is submitted, scaled or moving"),
    )
      .addHelpText("after", examples("gridharvest why 2013-01-k3f9a", "gridharvest why 2013-01-k3f9a --json"))
      .action((id: string, options: ConfigOptions) =>
        run(async (io) => {
          const { explainCampaign } = await import("../why/explain.ts");
          const explanation = await explainCampaign((await siteOf(options, io)).stateDir, id);
          print(io, explanation, () => {
            const lines = explanation.reasons.map(({ text }) => `${printable(text)}\n`);
            return `campaign ${id} is ${explanation.state}\n${lines.map((line) => `- ${line}`).join("")}`;
          });
          return 0;
        }),
      );
  },
};
