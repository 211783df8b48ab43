import { ConfigError } from "../../worker/contract/errors.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatTable } from "./io.ts";
import type { AccessPath } from "../access-path.ts";
import type { SiteConfig } from "../launch.ts";
import { siteOf } from "./site.ts";

/** `gridharvest dashboard [ID]`: saves the dashboards into graphite-web and prints their addresses. */
export const dashboard: Command = {
  name: "dashboard",
  register(program, run) {
    withConfig(
      program
        .command("dashboard [id]")
        .description("Print the addresses of the Graphite dashboards: of all campaigns together, or of one"),
    )
      .addHelpText("after", examples("gridharvest dashboard", "gridharvest dashboard 2013-01-a --json"))
      .action((id: string | undefined, options: ConfigOptions) =>
        run(async (io, signal) => {
          const { saveDashboards } = await import("../../monitoring/index.ts");
          const config = await siteOf(options, io);
          if (id !== undefined) {
            const { loadCampaign } = await import("../campaign-store.ts");
            await loadCampaign(config.stateDir, id);
          }
          const { graphiteWeb } = await accessOf(config, id);
          if (graphiteWeb === undefined) {
            throw new ConfigError(
              "NO_GRAPHITE_WEB",
              "carbon is your own and no graphite-web is configured; set services.graphite.web to its URL",
            );
          }
          const scope = { prefix: config.metrics.prefix, campaign: id ?? "*" };
          const dashboards = await saveDashboards(graphiteWeb, scope, signal);
          print(io, { dashboards }, () =>
            formatTable(
              [{ title: "DASHBOARD" }, { title: "ADDRESS" }],
              dashboards.map((address) => [address.dashboard, address.url]),
            ),
          );
          return 0;
        }),
      );
  },
};

/** Behind a proxy there is a way only while a campaign runs, since the proxy is the campaign's. */
async function accessOf(config: SiteConfig, id: string | undefined): Promise<AccessPath> {
  const { campaignAccess, directAccess, isBehindProxy } = await import("../access-path.ts");
  if (!isBehindProxy(config)) {
    const { statePaths } = await import("../paths.ts");
    return await directAccess(config, statePaths(config.stateDir));
  }
  if (id === undefined) {
    throw new ConfigError(
      "NO_GRAPHITE_WEB",
      "graphite-web is reached through the proxy of a campaign; name one that runs: gridharvest dashboard ID",
    );
  }
  const { loadCampaign } = await import("../campaign-store.ts");
  return await campaignAccess(await loadCampaign(config.stateDir, id));
}
