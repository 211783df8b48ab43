import { ConfigError } from "../../worker/contract/errors.ts";
import {
  configOf,
  examples,
  print,
  withConfig,
  type Command,
  type ConfigOptions,
  type Io,
  type Parts,
} from "./command.ts";
import { AGAIN_HELP, againOf } from "./again.ts";
import { countOf } from "./scale.ts";
import type { ResolvedConfig } from "../config.ts";
import type { Plan } from "../plan.ts";

interface LaunchOptions extends ConfigOptions {
  readonly month?: string;
  readonly plan?: string;
  readonly again?: string;
  readonly name?: string;
  readonly dataNodes?: string;
  readonly parsers?: string;
  readonly finish?: string;
  readonly foreground?: true;
  readonly detach?: true;
}

const LAUNCH_OUTPUT = `
With --json stdout holds one object a line: first {id, plan, dir} of the campaign that was made, last its status, unless --detach.
`;

/** `gridharvest launch`: plans, creates a campaign, starts its orchestrator, watches. */
export const launch: Command = {
  name: "launch",
  register(program, run) {
    withConfig(
      program
        .command("launch")
        .description(
          "Launch a campaign: load a month into a cluster that is booted for it, save it, tear the cluster down",
        ),
    )
      .option("--month <month>", "month, or months as 2013-01..2013-03")
      .option("--plan <file>", "a plan that `plan` wrote; refused when the archive has changed since")
      .option("--again <what>", AGAIN_HELP, "none")
      .option("--name <id>", "name of the campaign (default: the month and five characters)")
      .option("--data-nodes <n>", "Elasticsearch data nodes")
      .option("--parsers <n>", "parser workers")
      .option("--finish <how>", "snapshot: save and tear down; keep: save and keep the cluster up for a while")
      .option("--foreground", "run the orchestrator in this process; Ctrl-C then cancels the campaign")
      .option("--detach", "do not watch")
      .addHelpText(
        "after",
        examples(
          "gridharvest launch --config site.yaml --month 2013-01",
          "gridharvest launch --config site.yaml --month 2013-01 --data-nodes 8 --parsers 16 --finish keep",
          "gridharvest launch --config site.yaml --plan 2013-01.plan.json",
          "gridharvest launch --config site.yaml --month 2013-01 --again missing",
        ) + LAUNCH_OUTPUT,
      )
      .action((options: LaunchOptions) =>
        run(async (io, signal, parts) => {
          const resolved = await configOf(options, io, {
            "dataNodes.count": { flag: "--data-nodes", value: countOf("--data-nodes", options.dataNodes) },
            "parsers.count": { flag: "--parsers", value: countOf("--parsers", options.parsers) },
            finish: { flag: "--finish", value: options.finish },
          });
          const site = resolved.config;
          if (options.name !== undefined) {
            const { checkCampaignName } = await import("../campaign-store.ts");
            const { statePaths } = await import("../paths.ts");
            checkCampaignName(statePaths(site.stateDir), options.name);
          }
          const plan = await planOf(resolved, options, io, signal, parts);
          if (plan.again) {
            const { againLines } = await import("../revisions/again-text.ts");
            for (const line of againLines(plan.again, plan.pinned.revision)) io.log.info(line);
            if (plan.again.files.loaded === 0) {
              print(
                io,
                { id: null, plan: plan.id, again: plan.again },
                () => "nothing is to be loaded again, and nothing was started\n",
              );
              return 0;
            }
          }
          const { makeStateDir } = await import("../state-dir.ts");
          const { refuseSmallDisks } = await import("../disk-space.ts");
          await makeStateDir(site.stateDir);
          await refuseSmallDisks(site, plan);
          const { claimName, prepareSite, prepareCampaign, startOrchestrator } = await import("../launch.ts");
          await prepareSite(site, io.log, signal);
          const { record, paths } = await prepareCampaign(site, plan, options.name, signal);
          await claimName(site, { record, paths }, io.log, signal);
          const again = plan.again ? { again: plan.again } : {};
          if (io.json) print(io, { id: record.id, plan: plan.id, dir: paths.dir, ...again }, () => "");
          else {
            const ctrlC = options.foreground ? "cancels the campaign" : "ends the watching, not the campaign";
            io.stdout.write(`campaign ${record.id} (plan ${plan.id}); Ctrl-C ${ctrlC}\n`);
          }
          if (options.foreground) {
            const { runInForeground } = await import("../foreground.ts");
            await runInForeground(site.stateDir, record.id, io.log, signal);
          } else {
            await startOrchestrator(site.stateDir, record.id, paths);
            if (options.detach) return 0;
          }
          const { watchToTheEnd } = await import("../watch.ts");
          const { status, exitCode } = await watchToTheEnd(site.stateDir, record.id, io, signal);
          if (io.json) print(io, status, () => "");
          return exitCode;
        }),
      );
  },
};

/** The plan of `--plan`, checked against the archive as it is now, or a new one of `--month`. */
async function planOf(
  resolved: ResolvedConfig,
  options: LaunchOptions,
  io: Io,
  signal: AbortSignal,
  parts: Parts,
): Promise<Plan> {
  if ((options.month === undefined) === (options.plan === undefined)) {
    throw new ConfigError("USAGE", "say what to load: --month 2013-01, or --plan FILE");
  }
  const mode = againOf(options.again);
  if (options.plan !== undefined && mode !== "none") {
    throw new ConfigError("USAGE", "--again goes with --month; a plan holds what it loads again: `plan --again`");
  }
  const { keepHeapSmall } = await import("../small-heap.ts");
  keepHeapSmall();
  const site = resolved.config;
  const { rulesOf } = await import("../pipelines/rules-of.ts");
  const { rules } = await rulesOf(resolved, parts.makeRules, io.log);
  const pipeline = await parts.pipeline(rules);
  const planned = { hash: pipeline.hash, rules, fields: pipeline.fields };
  if (options.plan !== undefined) {
    const { planAgain } = await import("../saved-plan.ts");
    return planAgain(site, options.plan, { pipeline: planned }, signal);
  }
  const { planMonth, parseMonths } = await import("../plan-month.ts");
  io.log.info("planning", { month: options.month, archive: site.archive.root });
  const measure = { pipeline: pipeline.create(), stateDir: site.stateDir };
  const months = parseMonths(options.month ?? "");
  const { revisionBase } = await import("../revisions/base.ts");
  const base = await revisionBase(site, months, mode);
  const again = mode === "none" ? {} : { again: { mode, base } };
  return planMonth(site, months, { pipeline: planned, measure, ...again }, signal);
}
