import { ConfigError } from "../../worker/contract/errors.ts";
import type { SiteConfig } from "../launch.ts";
import type { Costs } from "../simulation/costs.ts";
import type { Forecast, Interval } from "../simulation/forecast.ts";
import { limitText, percent, STAGES } from "../simulation/stages.ts";
import type { Setup } from "../simulation/simulate.ts";
import { configOf, examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatBytes, formatCount, formatDuration, formatTable } from "./io.ts";

interface SimulateOptions extends ConfigOptions {
  readonly bytes: string;
  readonly dataNodes?: string;
  readonly parsers?: string;
  readonly monthFiles?: string;
  readonly compressed?: true;
  readonly machineCores?: string;
  readonly costs?: string;
  readonly like?: string;
  readonly seed: string;
  readonly runs: string;
}

/** `gridharvest simulate`: how long a campaign would take, and what would limit it. */
export const simulate: Command = {
  name: "simulate",
  register(program, run) {
    withConfig(
      program
        .command("simulate")
        .description(
          "Plays a campaign that nobody runs: how long it would take on so many nodes, and what would limit it",
        ),
    )
      .requiredOption("--bytes <size>", "decompressed bytes of a month, e.g. 105GB or 20GiB")
      .option("--data-nodes <n>", "Elasticsearch data nodes")
      .option("--parsers <n>", "parsers")
      .option(
        "--month-files <n>",
        "the bytes stand in so many files that each go through the whole month (default: in files of a day)",
      )
      .option("--compressed", "all files are compressed")
      .option("--machine-cores <n>", "all nodes share a machine of so many cores (default: each has its own)")
      .option("--costs <file>", "JSON file with what things cost, where that is not the default")
      .option("--like <id>", "as things cost in this finished campaign")
      .option("--seed <n>", "the same seed gives the same result", "1")
      .option("--runs <n>", "runs of which the interval comes", "9")
      .addHelpText(
        "after",
        examples(
          "gridharvest simulate --bytes 105GB --data-nodes 8 --parsers 16",
          "gridharvest simulate --bytes 1TB --data-nodes 64 --parsers 128 --like 2013-01-k3f9a --set dataNodes.walltime=2h",
        ),
      )
      .action((options: SimulateOptions) =>
        run(async (io) => {
          const { config } = await configOf(options, io, {
            "dataNodes.count": { flag: "--data-nodes", value: options.dataNodes },
            "parsers.count": { flag: "--parsers", value: options.parsers },
          });
          const { forecast } = await import("../simulation/forecast.ts");
          const { setup, costs } = await inputs(options, config);
          const result = forecast(setup, costs, {
            seed: wholeNumber("--seed", options.seed),
            runs: wholeNumber("--runs", options.runs, 1),
          });
          print(io, { ...result, costs }, () => forecastText(setup, result));
          return 0;
        }),
      );
  },
};

async function inputs(options: SimulateOptions, config: SiteConfig): Promise<{ setup: Setup; costs: Costs }> {
  const { setupOf } = await import("../simulation/setup.ts");
  const { DEFAULT_COSTS } = await import("../simulation/costs.ts");
  const { costsOfCampaign, readCosts } = await import("../simulated-costs.ts");
  const { monthOf } = await import("../simulation/work.ts");
  if (options.costs !== undefined && options.like !== undefined) {
    throw new ConfigError("USAGE", "--costs and --like both say what things cost; name one of them");
  }
  const costs =
    options.costs !== undefined
      ? await readCosts(options.costs)
      : options.like !== undefined
        ? await costsOfCampaign(config.stateDir, options.like)
        : DEFAULT_COSTS;
  const bytes = decimalBytes(options.bytes);
  const files = monthOf(bytes, {
    chunkBytes: config.plan.chunkBytes,
    packed: options.compressed === true,
    ...(options.monthFiles === undefined ? {} : { monthFiles: wholeNumber("--month-files", options.monthFiles, 1) }),
  });
  const { indexCount, shardsOfDay } = await import("../shards.ts");
  const indexBytes = (bytes / costs.lineBytes) * costs.documentsPerLine * costs.indexBytesPerDocument;
  const shardsPerIndex = shardsOfDay([MONTH], config.dataNodes.count, { indexBytes });
  const cores =
    options.machineCores === undefined ? undefined : wholeNumber("--machine-cores", options.machineCores, 1);
  return { setup: setupOf(config, files, { indices: indexCount([MONTH]), shardsPerIndex }, cores), costs };
}

/** Any month of 31 days. */
const MONTH = "2013-01";

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Bytes of `105GB` or `20GiB`. @throws ConfigError `USAGE` */
export function decimalBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text);
  const unit = UNITS[match?.[2] === "" ? "B" : (match?.[2] ?? "")];
  const bytes = Math.round(Number(match?.[1]) * (unit ?? Number.NaN));
  if (bytes > 0 && bytes <= 1e18) return bytes;
  throw new ConfigError("USAGE", `--bytes ${text}: write a size such as 105GB, 1.5TB or 20GiB`);
}

function wholeNumber(flag: string, text: string, least = 0): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
  throw new ConfigError(
    "USAGE",
    `${flag} ${text}: write a whole number${least > 0 ? `, ${String(least)} or more` : ""}`,
  );
}

function between({ median, low, high }: Interval, format: (value: number) => string): string {
  return `${format(median)} (${format(low)} to ${format(high)})`;
}

function forecastText(setup: Setup, { typical, limit, runs, ...result }: Forecast): string {
  const { dataNodes, parsers, files } = setup;
  const bytes = files.reduce((sum, group) => sum + group.count * group.bytes, 0);
  const facts: [string, string][] = [
    [
      "campaign",
      `${formatBytes(bytes)} of lines, ${String(dataNodes.count)} data nodes, ${String(parsers.count)} parsers`,
    ],
    ["duration", `${between(result.seconds, formatDuration)}; eight of ten of ${String(runs)} runs lie between`],
    ["load", `${between(result.loadSeconds, formatDuration)}, ${formatCount(result.eventsPerSecond.median)} events/s`],
    ["node-hours", between(result.nodeHours, (hours) => hours.toFixed(2))],
    ["limit", limitText(limit)],
  ];
  if (typical.idleDataNodes > 0) facts.push(["", `${String(typical.idleDataNodes)} data nodes hold no shard`]);
  if (typical.replaced > 0) facts.push(["", `${String(typical.replaced)} nodes replaced before their walltime ended`]);
  if (typical.reloadedBytes > 0)
    facts.push([
      "",
      `${formatBytes(typical.reloadedBytes)} loaded again, since data nodes ended before they were empty`,
    ]);
  const width = Math.max(...facts.map(([name]) => name.length));
  const phases = formatTable(
    [{ title: "PHASE" }, { title: "TIME", align: "right" }, { title: "", align: "right" }],
    Object.entries(typical.phases).map(([name, value]) => [
      name,
      formatDuration(value),
      percent(value / typical.seconds),
    ]),
  );
  const used = formatTable(
    [{ title: "USED WHILE LOADING" }, { title: "", align: "right" }],
    Object.entries(typical.utilisation).map(([name, value]) => [
      STAGES[name as keyof typeof STAGES],
      percent(value as number),
    ]),
  );
  return `${facts.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("")}\n${phases}\n${used}`;
}
