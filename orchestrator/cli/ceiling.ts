import { ConfigError } from "../../worker/contract/errors.ts";
import type { CeilingReport } from "../ceiling/ceiling.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatBytes, formatCount } from "./io.ts";
import { siteOf } from "./site.ts";

/** Elasticsearch looks at its own CPU once a second. */
const LEAST_SECONDS = 3;
const MOST_SECONDS = 300;

/** `gridharvest ceiling ID`: what the campaign's cluster takes of prebuilt bodies, and what share of it the campaign reaches. */
export const ceiling: Command = {
  name: "ceiling",
  register(program, run) {
    withConfig(
      program
        .command("ceiling <id>")
        .description(
          "Measure what a campaign's cluster takes: prebuilt documents of its own lines go into scratch indices, which are deleted; a load that runs is paused meanwhile",
        ),
    )
      .option("--seconds <n>", "how long to measure", "10")
      .addHelpText(
        "after",
        examples("gridharvest ceiling 2013-01-k3f9a", "gridharvest ceiling 2013-01-k3f9a --seconds 30 --json"),
      )
      .action((id: string, options: ConfigOptions & { readonly seconds: string }) =>
        run(async (io, signal, parts) => {
          const seconds = Number(options.seconds);
          if (!(seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS)) {
            throw new ConfigError(
              "USAGE",
              `--seconds ${options.seconds}: write a number of ${String(LEAST_SECONDS)} to ${String(MOST_SECONDS)}`,
            );
          }
          const { ceilingOf } = await import("../ceiling/ceiling.ts");
          const report = await ceilingOf(
            await siteOf(options, io),
            id,
            { seconds, pipelineOf: async (plan) => (await parts.pipeline(plan.rules)).create() },
            signal,
          );
          print(io, { id, ...report }, () => ceilingText(report));
          return 0;
        }),
      );
  },
};

function ceilingText(report: CeilingReport): string {
  const { budgets, campaignDocumentsPerSecond: rate, refused } = report;
  const share = rate === undefined ? "" : ` (${((100 * rate) / report.documentsPerSecond).toFixed(0)} % of it)`;
  const lines = [
    `ceiling    ${formatCount(report.documentsPerSecond)} documents/s, ${formatBytes(report.bytesPerSecond)}/s of bodies, ${report.storeMicrosPerDocument.toFixed(1)} µs of the store's CPU a document`,
    `campaign   ${rate === undefined ? "has not loaded yet" : `${formatCount(rate)} documents/s over the last minute of its load${share}`}`,
    `measured   ${report.seconds.toFixed(1)} s, ${formatCount(report.documents)} documents into ${String(report.indices)} indices; ${String(budgets.requestsInFlight)} requests of ${formatBytes(budgets.bulkBytes)} in flight to ${String(report.dataNodes)} data nodes, ${report.directly ? "directly" : "through the gateway, which costs what parsers do not pay"}`,
  ];
  if (refused > 0)
    lines.push(`refused    ${formatCount(refused)} documents: the figures are not those of a store that takes them`);
  return lines.map((line) => `${line}\n`).join("");
}
