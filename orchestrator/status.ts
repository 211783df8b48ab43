import { readFile } from "node:fs/promises";
import { describeError } from "../worker/contract/errors.ts";
import { isFinal, type CampaignState } from "./campaign.ts";
import { campaignIds, loadCampaign, progressFile } from "./campaign-store.ts";
import { accessOf, type Access } from "./access.ts";
import { readJournal } from "./journal.ts";
import { judgeOwner, readOwner, type Owner } from "./owner-file.ts";
import { readProgress, type ProgressFile } from "./progress.ts";
import { phasesOf, type Report } from "./report.ts";
import { readServing } from "./serving/serving-file.ts";
import { servingUntil } from "./serving/service.ts";
import { liveJobs, viewOf } from "./view.ts";

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
  }[];
  readonly phases: Readonly<Record<string, number>>;
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
  const access = over ? undefined : await accessOf(paths);
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
    eventsPerSecond: view.state === "running" ? (progress?.eventsPerSecond ?? 0) : (report?.eventsPerSecond ?? 0),
    ...(progress?.etaSeconds === undefined || view.state !== "running" ? {} : { etaSeconds: progress.etaSeconds }),
    jobs: [...view.jobs.values()].map((job) => {
      const seen = progress?.jobs[job.name];
      const host = job.address ?? seen?.host;
      return {
        id: job.jobId ?? "",
        name: job.name,
        role: job.role,
        state: job.ended ? "ended" : job.draining ? "draining" : jobState(seen),
        ...(host === undefined ? {} : { host }),
        ...(job.ended ? { exit: job.ended.exit } : {}),
        ...(job.ended || seen?.problem === undefined ? {} : { problem: seen.problem }),
      };
    }),
    phases: phasesOf(view, Date.now()),
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
