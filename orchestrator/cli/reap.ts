import { ConfigError } from "../../worker/contract/errors.ts";
import type { Choice, FoundCampaign, FoundJob } from "../reap/found.ts";
import type { ReapResult } from "../reap/reap.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatDuration, formatTable, printable } from "./io.ts";
import { siteOf } from "./site.ts";

interface ReapFlags extends ConfigOptions {
  readonly campaign?: string;
  readonly all?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly wait: string;
}

/** `gridharvest reap`: finds and ends jobs of campaigns from the batch system alone. */
export const reap: Command = {
  name: "reap",
  register(program, run) {
    withConfig(
      program
        .command("reap")
        .description(
          "Find the jobs of campaigns in the batch system, and end them, also when their directory and Redis are gone",
        ),
    )
      .option("--campaign <id|tag>", "the campaign whose jobs shall end; the tag is the middle of its job names")
      .option("--all", "every campaign that is known to have no orchestrator")
      .option("--dry-run", "only say what would be ended")
      .option("--yes", "end them; without it they are only shown")
      .option("--wait <seconds>", "how long jobs may take to go", "120")
      .addHelpText(
        "after",
        examples(
          "gridharvest reap",
          "gridharvest reap --config site.yaml --campaign k3f9a --yes",
          "gridharvest reap --all --dry-run",
        ),
      )
      .action((flags: ReapFlags) =>
        run(async (io, signal) => {
          const choice = choiceOf(flags);
          if (!/^[1-9]\d{0,4}$/.test(flags.wait)) {
            throw new ConfigError("USAGE", `--wait ${flags.wait}: write whole seconds, 1 or more`);
          }
          const end = flags.yes === true && flags.dryRun !== true;
          const { reap: reapJobs } = await import("../reap/reap.ts");
          const { withBatchAccess } = await import("../batch-access.ts");
          const site = await siteOf(flags, io);
          const options = { choice, end, patienceSeconds: Number(flags.wait) };
          const result = await withBatchAccess(site, io.log, ({ runner }) => {
            return reapJobs(site, options, io.log, signal, runner);
          });
          print(io, { dryRun: !end, ...result }, () => textOf(result, choice !== undefined, end, Date.now()));
          if (result.left.length === 0) return 0;
          io.stderr.write(
            `gridharvest: ${String(result.left.length)} jobs did not go within ${flags.wait} s; look at them with qstat, then run reap again\n`,
          );
          return 1;
        }),
      );
  },
};

function choiceOf({ campaign, all, yes }: ReapFlags): Choice | undefined {
  if (campaign !== undefined && all) throw new ConfigError("USAGE", "--campaign and --all: write one of them");
  if (campaign !== undefined) return { campaign };
  if (all) return { all };
  if (yes) throw new ConfigError("USAGE", "--yes: say whose jobs shall end, with --campaign ID|TAG or --all");
  return undefined;
}

const OWNERS: Readonly<Record<FoundCampaign["owner"], string>> = {
  living: "its orchestrator is alive",
  gone: "no orchestrator",
  over: "it has ended",
  unknown: "nobody here knows it",
};

/** What there is, what was ended, and what to do next. */
export function textOf(result: ReapResult, chosen: boolean, end: boolean, now: number): string {
  const { campaigns, ended, left, user } = result;
  if (campaigns.length === 0) return `the batch system has no jobs of campaigns that are ${user}'s\n`;
  const rows = campaigns.flatMap((campaign) => campaign.jobs.map((job) => rowOf(campaign, job, now)));
  const titles = ["CAMPAIGN", "JOB", "NAME", "STATE", "HOST", "SINCE", "OWNER"].map((title) => ({ title }));
  const lines = [formatTable(titles, rows)];
  const marked = campaigns.filter((campaign) => campaign.chosen);
  const count = marked.reduce((sum, { jobs }) => sum + jobs.length, 0);
  if (end && chosen) {
    const problems = left.map(
      ({ id, name, problem }) =>
        `  ${name} (${id}) is still there${problem === undefined ? "" : `: ${printable(problem)}`}\n`,
    );
    lines.push(`ended ${String(ended.length)} jobs\n`, ...problems);
    const rest = marked.filter(({ campaign, owner }) => campaign !== undefined && owner !== "over");
    for (const { campaign } of rest) {
      lines.push(`gateway, keys and secrets of ${campaign ?? ""} end with: gridharvest teardown ${campaign ?? ""}\n`);
    }
  } else if (chosen) {
    lines.push(`${String(count)} jobs would be ended; nothing was. To end them add --yes\n`);
  } else {
    lines.push("nothing was ended; say whose jobs shall end with --campaign ID|TAG or --all\n");
  }
  const strangers = campaigns.filter((campaign) => !campaign.chosen && campaign.owner === "unknown");
  if (chosen && strangers.length > 0) {
    lines.push(
      `left alone, since somebody elsewhere may look after them; end them with --campaign TAG: ${strangers.map(({ tag }) => tag).join(", ")}\n`,
    );
  }
  return lines.join("");
}

function rowOf(campaign: FoundCampaign, job: FoundJob, now: number): readonly string[] {
  const { tag, campaign: id, owner, state } = campaign;
  const since = job.since === undefined ? "" : formatDuration(Math.max(0, now - job.since) / 1000);
  return [
    id ?? tag,
    printable(job.id),
    job.name,
    job.state,
    job.hosts.map(printable).join(" "),
    since,
    `${OWNERS[owner]}${state === undefined ? "" : ` (${state})`}`,
  ];
}
