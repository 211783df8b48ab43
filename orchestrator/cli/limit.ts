import { ConfigError } from "../../worker/contract/errors.ts";
import { ORDERS } from "../../worker/contract/spool.ts";
import type { CampaignLimits } from "../limits.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { siteOf } from "./site.ts";

interface LimitOptions extends ConfigOptions {
  readonly events?: string;
  readonly bytes?: string;
  readonly window?: string;
  readonly order?: string;
  readonly weight?: string;
}

/** `gridharvest limit ID`: how fast a campaign may load, when, and in which order, while it runs. */
export const limit: Command = {
  name: "limit",
  register(program, run) {
    withConfig(
      program
        .command("limit <id>")
        .description(
          "Show how fast a campaign may load, at what time of day and in which order, or change it while it runs",
        ),
    )
      .option("--events <n>", "most events a second of the whole campaign, or none")
      .option("--bytes <size>", "most bytes of lines a second of the whole campaign, e.g. 20MiB, or none")
      .option("--window <hh:mm-hh:mm>", "time of day in which it loads, e.g. 22:00-06:00, or none for all day")
      .option("--order <order>", "what is loaded first: oldest, newest, or spread over all days")
      .option("--weight <n>", "its weight among the campaigns that share limits.site, e.g. 3")
      .addHelpText(
        "after",
        examples(
          "gridharvest limit 2013-01-k3f9a",
          "gridharvest limit 2013-01-k3f9a --events 20000",
          "gridharvest limit 2013-01-k3f9a --bytes none --window 22:00-06:00",
          "gridharvest limit 2013-01-k3f9a --order newest --weight 3",
        ),
      )
      .action((id: string, options: LimitOptions) =>
        run(async (io, signal) => {
          const site = await siteOf(options, io);
          const change = await changeOf(options);
          if (Object.keys(change).length === 0) {
            const { campaignStatus } = await import("../status.ts");
            const { limitsText } = await import("../limits.ts");
            const { limits } = await campaignStatus(site.stateDir, id);
            print(io, { id, ...limits }, () => `${limitsText(limits)}\n`);
            return 0;
          }
          const { tellOrchestrator } = await import("../tell.ts");
          const reply = await tellOrchestrator(site, id, { kind: "limit", ...change }, signal);
          print(io, { id, ...reply }, () => `${reply.text}\n`);
          return 0;
        }),
      );
  },
};

/** @throws ConfigError `USAGE` */
async function changeOf({ events, bytes, window, order, weight }: LimitOptions): Promise<Partial<CampaignLimits>> {
  const { size } = await import("../config/values.ts");
  const { WINDOW } = await import("../time-window.ts");
  const change: { -readonly [K in keyof CampaignLimits]?: CampaignLimits[K] } = {};
  if (events !== undefined) {
    if (events !== "none" && !/^[1-9]\d{0,9}$/.test(events)) {
      throw new ConfigError("USAGE", `--events ${events}: write a number of events a second, 1 or more, or none`);
    }
    change.eventsPerSecond = events === "none" ? 0 : Number(events);
  }
  if (bytes !== undefined) {
    const parsed = bytes === "none" ? 0 : size.safeParse(/^\d+$/.test(bytes) ? Number(bytes) : bytes).data;
    if (parsed === undefined || (parsed === 0 && bytes !== "none")) {
      throw new ConfigError("USAGE", `--bytes ${bytes}: write a size a second, e.g. 20MiB, or none`);
    }
    change.bytesPerSecond = parsed;
  }
  if (window !== undefined) {
    if (window !== "none" && !WINDOW.test(window)) {
      throw new ConfigError("USAGE", `--window ${window}: write two times of day, e.g. 22:00-06:00, or none`);
    }
    change.window = window === "none" ? null : window;
  }
  if (order !== undefined) {
    const known = ORDERS.find((one) => one === order);
    if (!known) throw new ConfigError("USAGE", `--order ${order}: write one of ${ORDERS.join(", ")}`);
    change.order = known;
  }
  if (weight !== undefined) {
    const number = Number(weight);
    if (!/^\d+(\.\d+)?$/.test(weight) || number <= 0 || number > 1000) {
      throw new ConfigError("USAGE", `--weight ${weight}: write a number above 0 and up to 1000, e.g. 3`);
    }
    change.weight = number;
  }
  return change;
}
