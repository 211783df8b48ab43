import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatCount, formatTable } from "./io.ts";
import { siteOf } from "./site.ts";

/** `gridharvest list`: all campaigns, newest first. */
export const list: Command = {
  name: "list",
  register(program, run) {
    withConfig(program.command("list").description("List all campaigns, newest first"))
      .addHelpText("after", examples("gridharvest list", "gridharvest list --json"))
      .action((options: ConfigOptions) =>
        run(async (io) => {
          const { listCampaigns } = await import("../status.ts");
          const campaigns = await listCampaigns((await siteOf(options, io)).stateDir);
          print(io, campaigns, () =>
            campaigns.length === 0
              ? "no campaigns yet; start one with: gridharvest launch --config F --month M\n"
              : formatTable(
                  [
                    { title: "CAMPAIGN" },
                    { title: "STATE" },
                    { title: "CREATED" },
                    { title: "LINES", align: "right" },
                    { title: "DOCUMENTS", align: "right" },
                    { title: "REJECTED", align: "right" },
                    { title: "SNAPSHOT" },
                  ],
                  campaigns.map((c) =>
                    c.state === "broken"
                      ? [c.id, c.state]
                      : [
                          c.id,
                          c.state,
                          c.createdAt.slice(0, 16).replace("T", " "),
                          formatCount(c.lines.read),
                          formatCount(c.documents),
                          formatCount(c.lines.rejected),
                          c.snapshot ? (c.snapshot.verified ? "verified" : "unverified") : "",
                        ],
                  ),
                ),
          );
          for (const c of campaigns) if (c.state === "broken") io.log.warn(`${c.id}: ${c.problem}`);
          return 0;
        }),
      );
  },
};
