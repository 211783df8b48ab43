import { readFile } from "node:fs/promises";
import { describeError } from "../worker/contract/errors.ts";
import { accountOf, accountOfJob, type CampaignAccount, type JobAccount } from "./accounting.ts";
import { budgetOf, type Budget } from "./budget.ts";
import { isFinal, type CampaignState } from "./campaign.ts";
import { campaignIds, loadCampaign, progressFile } from "./campaign-store.ts";
import { accessOf, type Access } from "./access.ts";
import { readJournal } from "./journal.ts";
import { scaleInputsOf } from "./autoscale.ts";
import { observed, type Observed } from "./jobs/forecast.ts";
import { jobPolicyOf } from "./jobs/policy.ts";
import { limitsOf, type CampaignLimits } from "./limits.ts";
import { lastWordsOf } from "./logs/last-words.ts";
import { jobDirOf } from "./node-specs.ts";
import type { CampaignPaths } from "./paths.ts";
import { judgeOwner, readOwner, type Owner } from "./owner-file.ts";
import { readProgress, type ProgressFile } from "./progress.ts";
import { reasons, type Reason } from "./reasons.ts";
import { parseLine } from "./parse-report.ts";
import { phasesOf, type Report } from "./report.ts";
import { readServing } from "./serving/serving-file.ts";
import { servingUntil } from "./serving/service.ts";
import type { Budgets } from "../worker/contract/tuning.ts";
import type { LimitingStage } from "./tuning/stage.ts";
import { liveJobs, viewOf, type JobView } from "./view.ts";

/** A campaign at a glance. Made from the campaign directory alone, so it answers for ever. */
export interface CampaignStatus {
  readonly id: string;
  readonly state: CampaignState;
  readonly reason?: string;
  readonly months: readonly string[];
  /** Of a campaign that loads nothing: the one whose result it serves. */
  readonly serves?: string;
  readonly createdAt: string;
  /** `host` when it is another one than this: then it counts as alive as long as it writes its progress. */
  readonly orchestrator: { readonly alive: boolean; readonly pid?: number; readonly host?: string };
  readonly chunks: {
    readonly total: number;
    readonly done: number;
    readonly active: number;
    readonly waiting: number;
    readonly failed: number;
    /** Compressed files that are still to be unpacked; their chunks are not in `total` yet. */
    readonly toUnpack: number;
  };
  readonly lines: {
    readonly read: number;
    readonly written: number;
    readonly duplicate: number;
    readonly dropped: number;
    readonly rejected: number;
    readonly unparsed: number;
  };
  /** Attempts at chunks, with ids by the store, that were not committed: what they wrote is deleted when the load ends. */
  readonly uncommittedAttempts?: number;
  readonly bytes: number;
  readonly documents: number;
  /** Share of the bytes that is loaded, 0 to 1. */
  readonly share: number;
  readonly eventsPerSecond: number;
  readonly etaSeconds?: number;
  readonly jobs: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: string;
    readonly state: string;
    readonly host?: string;
    readonly exit?: number | null;
    /** Why its node does not get on. */
    readonly problem?: string;
    /** The job whose place it took. */
    readonly replaces?: string;
    /** Of a job that failed: what it wrote last. */
    readonly lastWords?: readonly string[];
    /** In the queue, as soon as it runs. */
    readonly waitSeconds?: number;
    /** CPU seconds used of those reserved, 0 to 1. */
    readonly cpuEfficiency?: number;
  }[];
  /** How fast it may load, and when. */
  readonly limits: CampaignLimits;
  /** While it loads: what holds the load up, and the figures that show it. */
  readonly limiting?: LimitingStage;
  /** What each parser may have on its way to the store, and the tuner's last reason to change it. */
  readonly tuning?: Budgets & { readonly mode: "auto" | "fixed"; readonly reason?: string; readonly since?: string };
  /** Why something does not go on, or goes on slowly. */
  readonly reasons: readonly Reason[];
  /** How long jobs wait and boot here, and how fast shards move. */
  readonly observed: Observed;
  /** What its jobs cost so far. */
  readonly account: CampaignAccount;
  /** What they may cost; absent without a limit. */
  readonly budget?: Budget;
  readonly phases: Readonly<Record<string, number>>;
  /** How far lines were understood, in a line; once there is a report. */
  readonly parsing?: string;
  readonly snapshot?: { readonly name: string; readonly verified: boolean };
  readonly warnings: readonly string[];
  /** While it serves, or restores to serve: indices that can be searched, and all. */
  readonly indices?: { readonly ready: number; readonly total: number };
  /** While it serves, or is about to: when it tears itself down, and what each hour until then costs, the gateway's host aside. */
  readonly servingUntil?: string;
  readonly nodeHoursPerHour?: number;
  /** How to search while the cluster is up. */
  readonly elasticsearch?: Access;
  readonly files: { readonly dir: string; readonly report?: string; readonly log: string };
}

/** So many failed jobs are shown with what they wrote last. */
const MOST_LAST_WORDS = 5;
const ELSEWHERE_MS = 60_000;
const LOADING: ReadonlySet<CampaignState> = new Set(["planned", "booting", "running", "paused"]);

/** @throws ConfigError `CAMPAIGN_UNKNOWN` */
export async function campaignStatus(stateDir: string, id: string): Promise<CampaignStatus> {
  const { record, paths } = await loadCampaign(stateDir, id);
  const view = viewOf((await readJournal(paths.journal)).records);
  const progress = await readProgress(progressFile(paths));
  const written = await readReport(paths.reportJson);
  // One of a campaign that was held is old news once it loads again.
  const report = LOADING.has(view.state) ? undefined : written;
  const owner = await readOwner(paths.orchestratorPid);
  const lines = report?.lines ?? progress?.lines;
  const over = isFinal(view.state);
  const until = servingUntil(record, view);
  const now = Date.now();
  const accounts = new Map(
    [...view.jobs.values()].map((job) => [
      job.name,
      accountOfJob(record.config, job, progress?.usage[job.name]?.cpuSeconds ?? 0, now),
    ]),
  );
  const access = over ? undefined : await accessOf(paths);
  const budget = budgetOf(record.config, view, now);
  const words = await lastWords(paths, [...view.jobs.values()]);
  const serving = until === undefined ? undefined : await readServing(paths);
  return {
    id,
    state: view.state,
    ...(view.reason === undefined ? {} : { reason: view.reason }),
    months: record.months,
    ...(record.serves ? { serves: record.serves.campaign } : {}),
    createdAt: new Date(record.createdAt).toISOString(),
    orchestrator: orchestratorOf(owner, progress, record.config.batch.poll * 1000),
    chunks: {
      total: report?.chunksTotal ?? progress?.chunks ?? 0,
      done: report?.chunks ?? progress?.parse.completed ?? 0,
      active: over ? 0 : (progress?.parse.active ?? 0),
      waiting: over ? 0 : (progress?.parse.waiting ?? 0) + (progress?.parse.delayed ?? 0),
      failed: progress?.parse.failed ?? 0,
      toUnpack: over
        ? 0
        : (progress?.unpack.waiting ?? 0) + (progress?.unpack.active ?? 0) + (progress?.unpack.delayed ?? 0),
    },
    lines: {
      read: lines?.read ?? 0,
      written: lines?.written ?? 0,
      duplicate: lines?.duplicate ?? 0,
      dropped: lines?.dropped ?? 0,
      rejected: lines?.rejected ?? 0,
      unparsed: lines?.unparsed ?? 0,
    },
    bytes: report?.bytes ?? progress?.lines.bytes ?? 0,
    documents: report?.documents ?? (progress ? progress.lines.written + progress.lines.duplicate : 0),
    share: report?.snapshot ? 1 : (progress?.share ?? 0),
    ...(view.state === "running" && progress?.uncommittedAttempts !== undefined
      ? { uncommittedAttempts: progress.uncommittedAttempts }
      : {}),
    eventsPerSecond: view.state === "running" ? (progress?.eventsPerSecond ?? 0) : (report?.eventsPerSecond ?? 0),
    ...(progress?.etaSeconds === undefined || view.state !== "running" ? {} : { etaSeconds: progress.etaSeconds }),
    jobs: [...view.jobs.values()].map((job) => {
      const seen = progress?.jobs[job.name];
      const host = job.address ?? job.hosts[0] ?? seen?.host;
      return {
        id: job.jobId ?? "",
        name: job.name,
        role: job.role,
        state: job.ended
          ? "ended"
          : job.lost
            ? "lost"
            : job.draining
              ? "draining"
              : job.leaving
                ? "leaving"
                : jobState(seen),
        ...(host === undefined ? {} : { host }),
        ...(job.ended ? { exit: job.ended.exit } : {}),
        ...(job.ended || seen?.problem === undefined ? {} : { problem: seen.problem }),
        ...(job.replaces === undefined ? {} : { replaces: job.replaces }),
        ...shownCost(accounts.get(job.name)),
        ...(words.has(job.name) ? { lastWords: words.get(job.name) ?? [] } : {}),
      };
    }),
    limits: limitsOf(record.config, view),
    ...(view.state === "running" && progress?.stage ? { limiting: progress.stage } : {}),
    ...(view.state === "running" && progress?.budgets
      ? {
          tuning: {
            mode: record.config.tuning.mode,
            ...progress.budgets,
            ...(view.tuned ? { reason: view.tuned.reason, since: new Date(view.tuned.at).toISOString() } : {}),
          },
        }
      : {}),
    reasons: reasons({
      id,
      view,
      policy: jobPolicyOf(record.config),
      now,
      ...(progress
        ? {
            seen: progress.jobs,
            holdings: progress.holdings,
            scale: scaleInputsOf(record.config, view, progress, now),
          }
        : {}),
    }),
    observed: observed(view, now),
    account: accountOf([...accounts.values()]),
    ...(budget === undefined ? {} : { budget }),
    phases: phasesOf(view, now),
    ...(report?.parsing ? { parsing: parseLine(report.parsing) } : {}),
    ...(report?.snapshot ? { snapshot: { name: report.snapshot.name, verified: report.snapshot.verified } } : {}),
    warnings: view.warnings,
    ...(until === undefined
      ? {}
      : { servingUntil: new Date(until).toISOString(), nodeHoursPerHour: liveJobs(view).length }),
    ...(serving ? { indices: { ready: serving.ready, total: serving.indices } } : {}),
    ...(access ? { elasticsearch: access } : {}),
    files: { dir: paths.dir, ...(written ? { report: paths.reportMd } : {}), log: paths.orchestratorLog },
  };
}

/** Of the jobs that failed last. */
async function lastWords(
  paths: CampaignPaths,
  jobs: readonly JobView[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const failed = jobs.filter((job) => job.ended && job.ended.exit !== 0 && !job.draining && !job.cancelled);
  const said = failed.slice(-MOST_LAST_WORDS).map(async (job): Promise<[string, readonly string[]]> => {
    return [job.name, job.refused === undefined ? await lastWordsOf(jobDirOf(paths, job.name)) : [job.refused]];
  });
  return new Map(await Promise.all(said));
}

function shownCost(cost: JobAccount | undefined): { readonly waitSeconds?: number; readonly cpuEfficiency?: number } {
  const { waitSeconds: wait, cpuEfficiency: efficiency } = cost ?? {};
  return {
    ...(wait === undefined ? {} : { waitSeconds: Math.round(wait * 10) / 10 }),
    ...(efficiency === undefined ? {} : { cpuEfficiency: Math.round(efficiency * 1000) / 1000 }),
  };
}

/** What an agent says of itself counts; a job that runs without a word from its agent is starting. */
function jobState(seen: { readonly batch?: string; readonly agent?: string } | undefined): string {
  return seen?.agent ?? (seen?.batch === "running" ? "starting" : (seen?.batch ?? "submitted"));
}

/** A directory among the campaigns that cannot be read as one. */
export interface BrokenCampaign {
  readonly id: string;
  readonly state: "broken";
  readonly problem: string;
}

/** All campaigns, newest first, and then those that cannot be read: one of them hides none of the others. */
export async function listCampaigns(stateDir: string): Promise<readonly (CampaignStatus | BrokenCampaign)[]> {
  const campaigns: CampaignStatus[] = [];
  const broken: BrokenCampaign[] = [];
  await Promise.all(
    (await campaignIds(stateDir)).map(async (id) => {
      try {
        campaigns.push(await campaignStatus(stateDir, id));
      } catch (error) {
        broken.push({ id, state: "broken", problem: describeError(error) });
      }
    }),
  );
  campaigns.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  broken.sort((a, b) => (a.id < b.id ? -1 : 1));
  return [...campaigns, ...broken];
}

export async function readReport(file: string): Promise<Report | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Report;
  } catch {
    return undefined;
  }
}

/** Progress is written at each look at the jobs; one that is older than a few of them was written by nobody alive. */
function orchestratorOf(
  owner: Owner | undefined,
  progress: ProgressFile | undefined,
  pollMs: number,
): CampaignStatus["orchestrator"] {
  if (!owner) return { alive: false };
  switch (judgeOwner(owner)) {
    case "alive":
      return { alive: true, pid: owner.pid };
    case "dead":
      return { alive: false };
    case "elsewhere": {
      const alive = progress !== undefined && Date.now() - progress.at < Math.max(ELSEWHERE_MS, 4 * pollMs);
      return alive ? { alive, pid: owner.pid, host: owner.host } : { alive };
    }
  }
}

/** Exit code of a campaign that has ended: 0 done, 3 done with rejects or files that cost themselves, 1 otherwise. */
export function exitCodeOf(status: CampaignStatus, report: Report | undefined): 0 | 1 | 3 {
  if (status.state !== "done" && status.state !== "serving") return 1;
  return status.lines.rejected > 0 || (report?.fileProblems.length ?? 0) > 0 ? 3 : 0;
}
