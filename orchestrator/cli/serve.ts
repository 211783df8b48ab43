import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { countOf } from "./scale.ts";
import { siteOf } from "./site.ts";

interface ServeOptions extends ConfigOptions {
  readonly until: string;
  readonly name?: string;
  readonly dataNodes?: string;
  readonly detach?: true;
}

/** `gridharvest serve ID`: a cluster that serves what a campaign saved, for a while. */
export const serve: Command = {
  name: "serve",
  register(program, run) {
    withConfig(
      program
        .command("serve <id>")
        .description(
          "Bring a finished campaign's month back for searching: boot a cluster, restore the snapshot, check it, end it at its time",
        ),
    )
      .requiredOption("--until <time>", "how long from now (+4h), a time of day (18:30) or a time (2026-03-01T18:00)")
      .option("--data-nodes <n>", "Elasticsearch data nodes")
      .option("--name <id>", "name of the campaign that serves (default: serve-, the month and five characters)")
      .option("--detach", "do not watch")
      .addHelpText(
        "after",
        examples(
          "gridharvest serve 2013-01-k3f9a --config site.yaml --until +4h",
          "gridharvest serve 2013-01-k3f9a --config site.yaml --until 18:30 --data-nodes 4 --name january",
          "gridharvest extend january --until +2h",
        ),
      )
      .action((id: string, options: ServeOptions) =>
        run(async (io, signal) => {
          const { parseUntil } = await import("../serving/until.ts");
          const until = parseUntil(options.until, Date.now());
          const site = await siteOf(options, io, {
            "dataNodes.count": { flag: "--data-nodes", value: countOf("--data-nodes", options.dataNodes) },
          });
          const { checkRepository, savedMonth } = await import("../serving/saved-month.ts");
          const month = await savedMonth(site.stateDir, id);
          await checkRepository(month);
          if (options.name !== undefined) {
            const { checkCampaignName } = await import("../campaign-store.ts");
            const { statePaths } = await import("../paths.ts");
            checkCampaignName(statePaths(site.stateDir), options.name);
          }
          const { prepareSite, startOrchestrator } = await import("../launch.ts");
          await prepareSite(site, io.log, signal);
          const { createService } = await import("../serving/create-service.ts");
          const { record, paths } = await createService(site, month, { until, name: options.name }, signal);
          const text = `campaign ${record.id} serves ${id} until ${new Date(until).toISOString()}; Ctrl-C ends the watching, not the campaign\n`;
          if (io.json)
            print(io, { id: record.id, serves: id, until: new Date(until).toISOString(), dir: paths.dir }, () => "");
          else io.stdout.write(text);
          await startOrchestrator(site.stateDir, record.id, paths);
          if (options.detach) return 0;
          const { watchToTheEnd } = await import("../watch.ts");
          const { status, exitCode } = await watchToTheEnd(site.stateDir, record.id, io, signal);
          if (io.json) print(io, status, () => "");
          return exitCode;
        }),
      );
  },
};
