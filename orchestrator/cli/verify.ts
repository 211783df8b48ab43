import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatCount } from "./io.ts";
import { siteOf } from "./site.ts";

/** `gridharvest verify ID`: ledger against Elasticsearch, down to the chunk. Of a held campaign its orchestrator does it. */
export const verify: Command = {
  name: "verify",
  register(program, run) {
    withConfig(
      program
        .command("verify <id>")
        .description(
          "Compare the ledger with what stands in the cluster; check a held campaign again, go on with it, and watch",
        ),
    )
      .addHelpText("after", examples("gridharvest verify 2013-01-k3f9a", "gridharvest verify 2013-01-k3f9a --json"))
      .action((id: string, options: ConfigOptions) =>
        run(async (io, signal) => {
          const site = await siteOf(options, io);
          const { campaignStatus } = await import("../status.ts");
          if ((await campaignStatus(site.stateDir, id)).state === "held") {
            const { tellOrchestrator } = await import("../tell.ts");
            const reply = await tellOrchestrator(site, id, { kind: "verify" }, signal);
            if (!io.json) io.stdout.write(`${reply.text}\n`);
            const { watchToTheEnd } = await import("../watch.ts");
            const { status, exitCode } = await watchToTheEnd(site.stateDir, id, io, signal);
            if (io.json) print(io, { ...status, verified: exitCode !== 1 }, () => "");
            return exitCode;
          }
          const { verifyCampaign } = await import("../verify.ts");
          const result = await verifyCampaign(site, id);
          print(io, { id, ...result, verified: result.differences.length === 0 }, () =>
            result.differences.length === 0
              ? `${formatCount(result.documents)} documents, as the ledger says\n`
              : `the ledger and the cluster differ:\n${result.differences.map((text) => `  ${text}\n`).join("")}`,
          );
          return result.differences.length === 0 ? 0 : 1;
        }),
      );
  },
};
