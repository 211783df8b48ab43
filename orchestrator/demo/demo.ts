import { countMetricPaths } from "../../monitoring/index.ts";
import { ConfigError, describeError, GridError } from "../../worker/contract/errors.ts";
import { indexWildcard } from "../../worker/contract/index-names.ts";
import { campaignAccess } from "../access-path.ts";
import { loadCampaign } from "../campaign-store.ts";
import type { ExitCode, Io } from "../cli/command.ts";
import { formatCount } from "../cli/io.ts";
import { campaignPaths, statePaths } from "../paths.ts";
import type { Report } from "../report.ts";
import type { Manifest } from "../sample/index.ts";
import { readReport, type CampaignStatus } from "../status.ts";
import { ensureArchive } from "./archive.ts";
import { NODES, runCampaign } from "./campaign-run.ts";
import { compareParsing, compareWithManifest, findAll, type Compared } from "./comparison.ts";
import { keepText } from "./keep-text.ts";
import { findLeftovers, type Leftovers } from "./leftovers.ts";
import type { DemoOptions } from "./options.ts";
import { problemsOf } from "./problems.ts";
import { cleanUp, endServices, startRun, type Run } from "./run.ts";
import { Search } from "./search.ts";
import { createSite } from "./site.ts";
import { setupSeconds, Stopwatch } from "./stopwatch.ts";
import { emptyResult, joinPhases, makeResult, resultText, type DemoResult } from "./summary.ts";

const MONTH = "2013-01";
/** How long the last processes may take to end before they count as left over. */
const LEFTOVER_MS = 10_000;

/** How a demo ended. `failure` is why it did not come to its end. */
export interface DemoEnd {
  readonly exitCode: ExitCode;
  readonly result: DemoResult;
  readonly failure?: unknown;
}

/**
 * The whole demo. Whatever happens, and unless it is told to keep it, everything that it started is ended again: an
 * abort of `signal` cancels the campaign and tears it down. The result says how far it came.
 */
export async function runDemo(options: DemoOptions, io: Io, signal: AbortSignal): Promise<DemoEnd> {
  const watch = new Stopwatch();
  const setup = setupSeconds();
  if (setup > 0) watch.phases["set-up"] = Math.round(setup * 10) / 10;
  const site = await createSite(options.stateDir, options.settings);
  const run = await startRun(site, io, watch);
  let kept = false;
  let ended = false;
  try {
    const { manifest, status } = await loadMonth(run, options, signal);
    const compared = [...(await watch.time("compare", () => compare(run, manifest, status, signal)))];
    const metrics = await countMetrics(run, signal);
    kept = options.keep;
    if (!kept) await watch.time("teardown", () => run.line.json(["teardown", run.id], signal));
    const report = await readFinalReport(run);
    if (!kept) await watch.time("services down", () => endServices(run, signal));
    ended = !kept;
    const leftovers = kept ? NOTHING : await waitForLeftovers(run, signal);
    compared.push(...compareParsing(manifest, report));
    const problems = [
      ...compared.flatMap(({ differences }) => differences),
      ...problemsOf(report, manifest, kept, metrics, leftovers),
    ];
    const result = makeResult({
      report,
      state: kept ? status.state : report.state,
      phases: joinPhases(watch.phases, report.phases),
      wallSeconds: watch.seconds + setup,
      metrics,
      leftovers,
      problems,
    });
    io.stdout.write(resultText(result, report, compared));
    for (const problem of problems) io.stderr.write(`demo: NOT AS IT SHOULD BE: ${problem}\n`);
    if (kept) io.stdout.write(await keepText(run, status, signal));
    return { exitCode: problems.length > 0 ? 1 : 0, result };
  } catch (failure) {
    if (!kept && !ended) await cleanUp(run);
    const exitCode = signal.aborted ? 130 : failure instanceof ConfigError ? 2 : 1;
    return { exitCode, failure, result: await resultSoFar(run, watch.seconds + setup, describeError(failure)) };
  }
}

/** The result of a demo that did not come to its end, from the report that its campaign left, if there is one. */
async function resultSoFar(run: Run, wallSeconds: number, problem: string): Promise<DemoResult> {
  const paths = campaignPaths(statePaths(run.site.config.stateDir).campaigns, run.id);
  const report = await readReport(paths.reportJson);
  const rest = { phases: run.watch.phases, wallSeconds, metrics: 0, leftovers: NOTHING, problems: [problem] };
  return report ? makeResult({ ...rest, report, state: report.state }) : emptyResult({ ...rest, campaign: run.id });
}

const NOTHING: Leftovers = { jobs: [], processes: [], files: [] };

/** Sample, services, campaign: until the cluster serves the month. */
async function loadMonth(
  run: Run,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<{ manifest: Manifest; status: CampaignStatus }> {
  const { io, watch, line, site, id } = run;
  io.log.info("making the archive", { month: MONTH, lines: options.lines, in: site.archive });
  const { manifest, reused } = await watch.time("sample", () =>
    ensureArchive({ month: MONTH, lines: options.lines, dir: site.archive, signal }),
  );
  io.log.info(reused ? "the archive of an earlier demo is used" : "the archive is made", {
    lines: formatCount(manifest.lines),
    files: formatCount(manifest.files.length),
    "distinct messages": `about ${formatCount(manifest.distinctMessages)}`,
  });
  await watch.time("services up", () => line.json(["services", "up"], signal));
  io.log.info("launching the campaign", { id, "data nodes": NODES.dataNodes, parsers: NODES.parsers });
  // A demo that ran before has loaded it, too.
  const words = ["launch", "--name", id, "--month", MONTH, "--again", "all", "--finish", "keep", "--detach"];
  words.push("--data-nodes", String(NODES.dataNodes), "--parsers", String(NODES.parsers));
  await watch.time("plan", () => line.json(words, signal));
  const status = await watch.time("campaign", () => runCampaign(line, site.config.stateDir, id, MONTH, io, signal));
  return { manifest, status };
}

/** Compares what Elasticsearch says with what the generator wrote. */
async function compare(
  { io, site }: Run,
  manifest: Manifest,
  status: CampaignStatus,
  signal: AbortSignal,
): Promise<readonly Compared[]> {
  if (!status.elasticsearch) {
    throw new GridError("DEMO_CAMPAIGN_FAILED", `campaign ${status.id} serves, but does not say where`);
  }
  const { indexPattern, revision } = site.config.plan;
  using search = await Search.open(status.elasticsearch, indexWildcard({ pattern: indexPattern, revision }));
  const found = await findAll(search, manifest.options.timeZone, signal);
  const compared = compareWithManifest(manifest, found);
  const differing = compared.filter(({ differences }) => differences.length > 0).length;
  io.log.info(
    differing === 0
      ? "Elasticsearch's counts are the manifest's"
      : `Elasticsearch's counts differ from the manifest's in ${differing} aspects`,
    { numbers: compared.reduce((sum, { numbers }) => sum + numbers, 0) },
  );
  return compared;
}

/** Metric paths of the campaign in Graphite; 0 when it does not answer. */
async function countMetrics({ site, id, io }: Run, signal: AbortSignal): Promise<number> {
  try {
    const { graphiteWeb } = await campaignAccess(await loadCampaign(site.config.stateDir, id));
    if (!graphiteWeb) return 0;
    return await countMetricPaths(graphiteWeb, { prefix: site.config.metrics.prefix, campaign: id }, signal);
  } catch (error) {
    signal.throwIfAborted();
    io.log.warn(describeError(error));
    return 0;
  }
}

async function readFinalReport({ site, id }: Run): Promise<Report> {
  const file = campaignPaths(statePaths(site.config.stateDir).campaigns, id).reportJson;
  const report = await readReport(file);
  if (!report) throw new GridError("DEMO_CAMPAIGN_FAILED", `campaign ${id} left no report at ${file}`);
  return report;
}

/** Looks until nothing is left, for a while. */
async function waitForLeftovers(run: Run, signal: AbortSignal): Promise<Leftovers> {
  const { site, id, before, io } = run;
  const until = Date.now() + LEFTOVER_MS;
  for (;;) {
    const left = await findLeftovers(site.config, id, before, io.log, signal);
    if (left.jobs.length + left.processes.length + left.files.length === 0 || Date.now() > until) return left;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
