import { join } from "node:path";
import { againLines } from "../revisions/again-text.ts";
import { ConfigError, describeError } from "../../worker/contract/errors.ts";
import type { ComparisonOptions, MappingComparison } from "../comparing/compare-mappings.ts";
import { size } from "../config/values.ts";
import type { LossCost } from "../estimate.ts";
import type { Measuring } from "../plan-month.ts";
import type { Plan } from "../plan.ts";
import { AGAIN_HELP, againOf } from "./again.ts";
import { configOf, examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatBytes, formatCount, formatDuration, formatTable, printable } from "./io.ts";

interface PlanOptions extends ConfigOptions {
  readonly month: string;
  readonly again?: string;
  readonly out?: string;
  readonly dataNodes?: string;
  readonly parsers?: string;
  readonly compareMappings?: boolean;
  readonly sampleBytes: string;
  readonly rounds: string;
  readonly cluster?: string;
  readonly userFile?: string;
  readonly ca?: string;
}

/** Loads of each choice at most. */
const MOST_ROUNDS = 20;
const LEAST_SAMPLE_BYTES = 2 ** 20;
const MOST_SAMPLE_BYTES = 2 ** 30;

/** `gridharvest plan`: what a campaign would load and cost. Submits nothing. */
export const plan: Command = {
  name: "plan",
  register(program, run) {
    withConfig(program.command("plan").description("Shows what a campaign would load and cost, and writes a plan file"))
      .requiredOption("--month <month>", "the month, or a range: 2013-01 or 2013-01..2013-03")
      .option("--again <what>", AGAIN_HELP, "none")
      .option("--out <file>", "where to write the plan (default: <state directory>/plans/<id>.json)")
      .option("--data-nodes <n>", "Elasticsearch data nodes to reckon with")
      .option("--parsers <n>", "parsers to reckon with")
      .option(
        "--compare-mappings",
        "measure on a sample of these files what elasticsearch.index and its alternatives cost, in an Elasticsearch of its own on this machine",
      )
      .option("--sample-bytes <size>", "bytes of lines that --compare-mappings loads", "32MiB")
      .option("--rounds <n>", "how often it loads them with each choice", "3")
      .option("--cluster <url>", "a cluster that it uses instead; nobody else should write to it meanwhile")
      .option("--user-file <file>", "file with user:password of that cluster; the user may make and delete indices")
      .option("--ca <file>", "certificate (PEM) of the authority that signed that cluster's")
      .addHelpText(
        "after",
        examples(
          "gridharvest plan --config site.yaml --month 2013-01",
          "gridharvest plan --month 2013-01..2013-03 --parsers 8",
          "gridharvest plan --month 2013-01 --again changed-parser",
          "gridharvest --json plan --month 2013-01 --out january.json",
          "gridharvest plan --month 2013-01 --compare-mappings",
        ),
      )
      .action((options: PlanOptions) =>
        run(async (io, signal, parts) => {
          const { keepHeapSmall } = await import("../small-heap.ts");
          keepHeapSmall();
          const { parseMonths, planMonth } = await import("../plan-month.ts");
          const months = parseMonths(options.month);
          const mode = againOf(options.again);
          const wanted = comparisonWanted(options);
          const resolved = await configOf(options, io, {
            "dataNodes.count": { flag: "--data-nodes", value: options.dataNodes },
            "parsers.count": { flag: "--parsers", value: options.parsers },
          });
          const { config } = resolved;
          const { writePlan } = await import("../plan-file.ts");
          const { makeStateDir } = await import("../state-dir.ts");
          const { refuseChoice } = await import("../runtimes/index.ts");
          const { statePaths } = await import("../paths.ts");
          refuseChoice(config, statePaths(config.stateDir));
          // Before the archive is listed, which may take minutes.
          if (options.out === undefined) await makeStateDir(config.stateDir);
          const { rulesOf } = await import("../pipelines/rules-of.ts");
          const { rules } = await rulesOf(resolved, parts.makeRules, io.log);
          const pipeline = await parts.pipeline(rules);
          const { revisionBase } = await import("../revisions/base.ts");
          // Only a launch refuses what was loaded before.
          const base = await revisionBase(config, months, mode).catch((error: unknown) => {
            if (mode !== "none") throw error;
            io.log.warn(describeError(error));
          });
          const again = mode === "none" || !base ? {} : { again: { mode, base } };
          let comparison: MappingComparison | undefined;
          const compare: Measuring["index"] = async (plan, planned) => {
            const { comparedBy } = await import("../comparing/compared-by.ts");
            const { measuredIndex } = await import("../comparing/choices.ts");
            comparison = await comparedBy(
              config,
              options,
              plan,
              pipeline.create(),
              { ...wanted!, planned },
              io.log,
              signal,
            );
            return measuredIndex(comparison.choices);
          };
          const made = await planMonth(
            config,
            months,
            {
              ...again,
              pipeline: { hash: pipeline.hash, rules, fields: pipeline.fields },
              measure: {
                pipeline: pipeline.create(),
                stateDir: config.stateDir,
                ...(wanted ? { index: compare } : {}),
              },
            },
            signal,
          );
          const { toLoad } = await import("../plan.ts");
          const loaded = toLoad(made);
          const file = options.out ?? join(config.stateDir, "plans", `${made.id}.json`);
          await writePlan(file, made);
          const { lossCost } = await import("../estimate.ts");
          const { lookAtDisks, roomText } = await import("../disk-space.ts");
          const disks = await lookAtDisks(config, made);
          const loss = made.estimate && lossCost(made.estimate, config.dataNodes);
          const { comparisonText } = await import("../comparing/comparison-text.ts");
          const where = options.cluster === undefined ? "an Elasticsearch of its own" : options.cluster;
          print(
            io,
            { ...summary(loaded, file), disks, ...(loss ? { loss } : {}), ...(comparison ? { comparison } : {}) },
            () =>
              (comparison ? `${comparisonText(comparison, where)}\n` : "") +
              planText(loaded, file, disks.map(roomText), loss && lossText(loss, config.dataNodes.count)),
          );
          return 0;
        }),
      );
  },
};

/** How to compare; undefined when nobody asks for it. @throws ConfigError `USAGE` */
function comparisonWanted(options: PlanOptions): Pick<ComparisonOptions, "rounds" | "sampleBytes"> | undefined {
  const { compareMappings, rounds, sampleBytes, ...rest } = options;
  if (compareMappings !== true) {
    const without = (["cluster", "userFile", "ca"] as const).find((name) => rest[name] !== undefined);
    if (without === undefined) return undefined;
    throw new ConfigError("USAGE", "--cluster, --user-file and --ca go with --compare-mappings; add it");
  }
  const bytes = size.safeParse(sampleBytes).data ?? 0;
  if (bytes < LEAST_SAMPLE_BYTES || bytes > MOST_SAMPLE_BYTES)
    throw new ConfigError("USAGE", `--sample-bytes ${sampleBytes}: write a size from 1MiB to 1GiB, e.g. 64MiB`);
  const times = Number(rounds);
  if (!(Number.isInteger(times) && times >= 1 && times <= MOST_ROUNDS))
    throw new ConfigError("USAGE", `--rounds ${rounds}: write a number of 1 to ${String(MOST_ROUNDS)}`);
  return { rounds: times, sampleBytes: bytes };
}

/** What `--json` prints: the plan without its files, which are in the plan file. */
function summary(plan: Plan, file: string): Readonly<Record<string, unknown>> {
  const { files, unpacks, ...rest } = plan;
  const bytesOnDisk = diskBytes(plan);
  return { ...rest, files: files.length, compressedFiles: unpacks.length, bytesOnDisk, planFile: file };
}

function diskBytes(plan: Plan): number {
  const plain = plan.files.reduce((sum, { source }) => sum + (source.kind === "plain" ? source.size : 0), 0);
  return plan.unpacks.reduce((sum, unpack) => sum + unpack.size, plain);
}

/** The most lines of one list before the rest is only counted. */
const MOST_LINES = 20;

/** What a copy of each shard costs, and what a data node that goes costs without one. */
export function lossText(loss: LossCost, dataNodes: number): string {
  const copies = `${about(formatBytes(loss.copyBytes))} more of index and ${formatDuration(loss.copyCoreSeconds)} of CPU more for indexing`;
  const reload = `when a data node goes in mid-load, ${about(formatCount(loss.reloadChunks))} chunks (${formatBytes(loss.reloadBytes)}) are loaded again on average`;
  if (loss.replicas > 0)
    return `${String(loss.replicas)} (${copies}, counted above but for the size; with 0, ${reload})`;
  const needs = dataNodes < 2 ? ", and needs two data nodes" : "";
  return `0 (${reload}; dataNodes.replicas 1 spares that for ${copies}${needs})`;
}

/**
 * The plan as people read it.
 * @param rooms what is free on the disks that it needs
 * @param loss of an estimate, in words
 */
function planText(plan: Plan, file: string, rooms: readonly string[], loss: string | undefined): string {
  const { estimate } = plan;
  const out: string[] = [`Plan ${plan.id} of ${plan.months.join(", ")} from ${printable(plan.root)}\n`];
  if (plan.again) {
    const lines = againLines(plan.again, plan.pinned.revision).map((line) => `  ${line}\n`);
    out.push(`Loaded again:\n${lines.join("")}`);
  }

  const rows = plan.groups.map((group) => [
    group.month,
    group.kind,
    printable(group.service),
    formatCount(group.files),
    formatBytes(group.bytes),
    group.compressed > 0 ? formatCount(group.compressed) : "",
    group.loadedFiles === 0
      ? "no"
      : group.loadedFiles === group.files
        ? "yes"
        : `${formatCount(group.loadedFiles)} files`,
    [
      ...group.skipped.map(({ reason, files }) => `${formatCount(files)} skipped: ${printable(reason)}`),
      ...(group.dropPrograms.length > 0 ? [`without the lines of ${group.dropPrograms.join(", ")}`] : []),
      ...(group.empty > 0 ? [`${formatCount(group.empty)} empty`] : []),
    ].join("; "),
  ]);
  out.push(
    formatTable(
      [
        { title: "MONTH" },
        { title: "KIND" },
        { title: "SERVICE" },
        { title: "FILES", align: "right" },
        { title: "BYTES", align: "right" },
        { title: "COMPRESSED", align: "right" },
        { title: "LOADED" },
        { title: "" },
      ],
      rows,
    ),
  );

  out.push(
    list(
      "Overlap",
      plan.overlaps.map(({ month, perService, perHost, resolution, missingDays }) => {
        const days =
          missingDays.length > 0
            ? `; no per-service file for ${missingDays.join(", ")}: those lines are not loaded`
            : "";
        return `${month}: ${perService.service} per service (${formatCount(perService.files)} files, ${formatBytes(perService.bytes)}) and ${perHost.service} per host (${formatCount(perHost.files)} files, ${formatBytes(perHost.bytes)}): ${resolution}${days}`;
      }),
    ),
    list(
      "Not loaded, with the reason",
      plan.problems.map(({ path, problem, remedy }) => `${printable(path)}: ${printable(problem)}; ${remedy}`),
    ),
    list(
      "To know",
      plan.notes.map(({ path, problem }) => `${printable(path)}: ${printable(problem)}`),
    ),
    list("Matched by no pattern, not loaded", plan.unmatched.map(printable)),
  );

  const facts: [string, string][] = [
    ["files", `${formatCount(plan.files.length)} (${formatCount(plan.unpacks.length)} compressed ones to unpack)`],
    ["bytes on disk", formatBytes(diskBytes(plan))],
  ];
  rooms.forEach((room, i) => facts.push([i === 0 ? "disk" : "", room]));
  if (estimate) {
    const { nodeHours, nodes, basis } = estimate;
    facts.push(
      ["bytes of lines", about(formatBytes(estimate.bytes))],
      ["lines", about(formatCount(estimate.lines))],
      ["documents", about(formatCount(estimate.documents))],
      ["index size", about(formatBytes(estimate.indexBytes))],
      ["replicas", loss ?? ""],
      ["chunks", plan.unpacks.length > 0 ? about(formatCount(estimate.chunks)) : formatCount(estimate.chunks)],
      [
        "node-hours",
        `${about(nodeHours.total.toFixed(2))} (${nodes.dataNodes} data nodes ${nodeHours.dataNodes.toFixed(2)}, ${nodes.parsers} parsers ${nodeHours.parsers.toFixed(2)})`,
      ],
      ["duration", `${about(rangeText(estimate.seconds, estimate.range.seconds))}`],
      ["of it loading", rangeText(estimate.loadSeconds, estimate.range.loadSeconds)],
      ["limit", estimate.limit],
      ["rests on", `parser: ${basis.parser}`],
      ["", `store: ${basis.store}`],
      ["", basis.machine],
    );
  }
  const width = Math.max(...facts.map(([name]) => name.length));
  out.push(facts.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join(""));
  out.push(`Nothing was submitted. The plan is in ${printable(file)}\n`);
  return out.filter((part) => part !== "").join("\n");
}

/** Eight of ten simulated campaigns lie between. */
function rangeText(seconds: number, [low, high]: readonly [number, number]): string {
  if (seconds === Infinity) return formatDuration(seconds);
  return `${formatDuration(seconds)} (${formatDuration(low)} to ${formatDuration(high)})`;
}

function about(text: string): string {
  return `about ${text}`;
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  const more =
    lines.length > MOST_LINES ? [`and ${formatCount(lines.length - MOST_LINES)} more, in the plan file`] : [];
  return `${title} (${formatCount(lines.length)}):\n${[...lines.slice(0, MOST_LINES), ...more].map((line) => `  ${line}\n`).join("")}`;
}
