import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { BatchSystem, CommandRunner } from "../../pbs/batch-system.ts";
import { localCommandRunner } from "../../pbs/command.ts";
import { currentUser } from "../../pbs/local/job-environment.ts";
import { BackfillError, describeError, GridError } from "../../worker/contract/errors.ts";
import { openBatchSystem } from "../batch-system.ts";
import type { SiteConfig } from "../launch.ts";
import type { Log } from "../log.ts";
import { statePaths } from "../paths.ts";
import { ensureBundles, stagePrograms } from "../runtimes/index.ts";
import { chooseTags, foundCampaigns, jobsByTag, type Choice, type FoundCampaign, type FoundJob } from "./found.ts";
import { knownCampaigns } from "./known.ts";

/** What was found, and what became of it. */
export interface ReapResult {
  readonly user: string;
  /** Every campaign that has jobs, chosen or not. */
  readonly campaigns: readonly (FoundCampaign & { readonly chosen: boolean })[];
  /** Jobs that were there and are gone. */
  readonly ended: readonly FoundJob[];
  /** Jobs that did not go, with what the batch system said last. */
  readonly left: readonly (FoundJob & { readonly problem?: string })[];
}

export interface ReapOptions {
  /** Nothing is chosen when absent. */
  readonly choice?: Choice | undefined;
  /** Otherwise only found. */
  readonly end: boolean;
  /** How long jobs may take to go. */
  readonly patienceSeconds: number;
}

const LOOK_MS = 1_000;
/** A deleted job may be shown for a while; on a lost node one qdel takes a minute. */
const CANCEL_AGAIN_MS = 30_000;
/** A server that has just started may not list everything yet. */
const EMPTY_LOOKS = 2;

/**
 * Finds the jobs of campaigns in the batch system, and ends those that are chosen: one id for each qdel, until the batch system shows none of
 * them any more. Needs neither their directory nor Redis. Only jobs of this user are looked at.
 * @param runner where the batch system's commands run; on this machine when absent
 * @throws as `chooseTags`; GridError when the batch system does not answer at all
 */
export async function reap(
  config: SiteConfig,
  options: ReapOptions,
  log: Log,
  signal: AbortSignal,
  runner?: CommandRunner,
): Promise<ReapResult> {
  const user = await userOf(config, signal, runner);
  const batch = await openBatch(config, log, signal, runner);
  const list = async (): Promise<ReadonlyMap<string, readonly FoundJob[]>> =>
    batch ? jobsByTag(await batch.list(signal), user) : new Map<string, readonly FoundJob[]>();
  const known = await knownCampaigns(config, log);
  const found = foundCampaigns(await list(), known);
  const tags = options.choice ? chooseTags(options.choice, found, known) : new Set<string>();
  const campaigns = found.map((campaign) => ({ ...campaign, chosen: tags.has(campaign.tag) }));
  if (!batch || !options.end || !campaigns.some(({ chosen }) => chosen)) {
    return { user, campaigns, ended: [], left: [] };
  }
  const mine = async (): Promise<readonly FoundJob[]> => {
    const jobs = await list();
    return [...tags].flatMap((tag) => jobs.get(tag) ?? []);
  };
  return { user, campaigns, ...(await endJobs(batch, mine, options.patienceSeconds, log, signal)) };
}

/** A batch system that does not answer, or says no, is asked again: until nothing is left, or patience is over. */
async function endJobs(
  batch: BatchSystem,
  mine: () => Promise<readonly FoundJob[]>,
  patienceSeconds: number,
  log: Log,
  signal: AbortSignal,
): Promise<Pick<ReapResult, "ended" | "left">> {
  const seen = new Map<string, FoundJob>();
  const cancelledAt = new Map<string, number>();
  const problems = new Map<string, string>();
  const until = Date.now() + patienceSeconds * 1000;
  let left: readonly FoundJob[] = [];
  for (let emptyLooks = 0; ;) {
    signal.throwIfAborted();
    try {
      left = await mine();
      emptyLooks = left.length === 0 ? emptyLooks + 1 : 0;
      // Also jobs whose qsub was under way when we looked first.
      for (const job of left) seen.set(job.id, job);
    } catch (error) {
      if (!(error instanceof BackfillError) || !error.retryable) throw error;
      log.warn("the batch system does not tell its jobs; it is asked again", { error: describeError(error) });
    }
    if (emptyLooks >= EMPTY_LOOKS || Date.now() >= until) break;
    for (const { id, name } of left) {
      if (Date.now() - (cancelledAt.get(id) ?? Number.NEGATIVE_INFINITY) < CANCEL_AGAIN_MS) continue;
      cancelledAt.set(id, Date.now());
      try {
        await batch.cancel(id, signal);
        problems.delete(id);
        log.info("deleting a job", { job: name, id });
      } catch (error) {
        signal.throwIfAborted();
        problems.set(id, describeError(error));
        log.warn("a job could not be deleted", { job: name, id, error: describeError(error) });
      }
    }
    await sleep(LOOK_MS, undefined, { signal });
  }
  const there = new Set(left.map(({ id }) => id));
  return {
    ended: [...seen.values()].filter(({ id }) => !there.has(id)),
    left: left.map((job) => {
      const problem = problems.get(job.id);
      return { ...job, ...(problem === undefined ? {} : { problem }) };
    }),
  };
}

/** Undefined when the embedded batch system was never used: then there are no jobs. */
async function openBatch(
  config: SiteConfig,
  log: Log,
  signal: AbortSignal,
  runner: CommandRunner | undefined,
): Promise<BatchSystem | undefined> {
  const state = statePaths(config.stateDir);
  if (config.batch.system !== "local") return openBatchSystem(config, { batchDir: "", entry: "" }, signal, runner);
  if (!existsSync(state.batch)) return undefined;
  const { batch: entry } = await stagePrograms(await ensureBundles(log), state.runtimes);
  return openBatchSystem(config, { batchDir: state.batch, entry }, signal);
}

/** Whose jobs are ours, as the batch system names its users: the account under which its commands run. */
async function userOf(config: SiteConfig, signal: AbortSignal, runner = localCommandRunner()): Promise<string> {
  if (config.batch.system === "local") return currentUser().name;
  const out = await runner.run(["id", "-un"], { timeoutSeconds: config.batch.commandTimeout, signal });
  const name = out.stdout.trim();
  if (out.code === 0 && name !== "") return name;
  throw new GridError(
    "USER_UNKNOWN",
    `id -un (exit ${String(out.code)}) does not say under which name jobs are submitted: ${out.stderr.trim().slice(0, 200)}; without it nothing is ended`,
  );
}
