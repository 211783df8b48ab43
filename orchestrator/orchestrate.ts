import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { BackfillError, describeError, GridError } from "../worker/contract/errors.ts";
import { campaignKeys } from "../worker/contract/keys.ts";
import { accessThroughProxy, directAccess, isBehindProxy } from "./access-path.ts";
import { openBatchAccess } from "./batch-access.ts";
import { createNodeFiles } from "./node-files.ts";
import { openBatchSystem } from "./batch-system.ts";
import { attach, boot } from "./boot.ts";
import { campaignSecrets, openGateway, siteOfGateway } from "./campaign-gateway.ts";
import { isFinal, teardownEvent, type CampaignState } from "./campaign.ts";
import { pinnedRuntime, RUNTIME_STEP, type CampaignRuntime } from "./campaign-runtime.ts";
import { loadCampaign, type CampaignRecord } from "./campaign-store.ts";
import { decide, keepWarning, move, step, until, type CampaignContext, type NodePrograms } from "./context.ts";
import { answerTo } from "./fault.ts";
import { finish, obstacleTo, type FinishResult } from "./finish.ts";
import { atGateway } from "./gateway/index.ts";
import { notifierOf } from "./notify/index.ts";
import { openJournal, readJournal } from "./journal.ts";
import { endLoad } from "./load-end.ts";
import type { Log } from "./log.ts";
import { reloadMissing } from "./loss/missing.ts";
import { isLossPending } from "./loss/notice.ts";
import { reloadText } from "./loss/record.ts";
import { reloadLost, reopenLoad } from "./loss/reload.ts";
import { createNodeGroups, type NodeGroups } from "./node-groups.ts";
import { nodeInputsOf } from "./node-inputs.ts";
import { judgeOwner, ownerOfThisProcess, readOwner, removeOwner, writeOwner } from "./owner-file.ts";
import { acquireOwnership, type Ownership } from "./ownership.ts";
import type { CampaignPaths, StatePaths } from "./paths.ts";
import { emptyPlan, type Plan } from "./plan.ts";
import { readPlan } from "./plan-file.ts";
import { createProgress, type Progress } from "./progress.ts";
import { ensureBundles, ensureElasticsearch, nodeBinary, stagePrograms, type Programs } from "./runtimes/index.ts";
import { keepServing, RESTORED, restoreMonth } from "./serving/serving.ts";
import { createSpool } from "./spool.ts";
import { endJobs, removeTraces, sweep } from "./teardown.ts";
import { startTicker } from "./ticker.ts";
import { createTuner, type Tuner } from "./tuning/tuner.ts";
import { LOAD_END, openReload, viewOf, type CampaignView } from "./view.ts";

/**
 * The orchestrator of one campaign: it owns the campaign while it runs, and everything it knows can be rebuilt by
 * another one. One loop does what the state asks for (boot, load, finish, serve, tear down); beside it a ticker
 * certifies agents, looks at jobs, takes commands and reports. A command or a fault that changes the state interrupts
 * the loop, which then goes on from the new state.
 */
export interface OrchestrateOptions {
  readonly stateDir: string;
  readonly id: string;
  readonly log: Log;
  /** Aborting it leaves the campaign as it is, for somebody to adopt. */
  readonly signal: AbortSignal;
  /** Ends the campaign, as `teardownEvent` says. For `teardown` of a campaign without an orchestrator. */
  readonly end?: boolean;
}

/** How often a phase is tried again after errors that may pass by themselves, before the campaign fails or is held. */
const MOST_RETRIES = 20;
const AGAIN_MS = 2_000;
/** How often what the store lacks at the end of a load is loaded again. */
const MOST_RELOADS = 3;
/** Pause before a campaign that stays as it is looks again whether its fault has passed. */
const STAY_MS = 10_000;
/** Once told to stop, how long a Redis that does not answer is waited for. */
const GIVE_UP_MS = 5_000;

/** What is left to tell when the campaign has ended may take so long. */
const SETTLE_MS = 20_000;

/**
 * Runs the campaign to its end, or until the signal. Then a Redis that does not answer is not waited for.
 * @returns the state in which it was left
 * @throws the signal's reason when aborted; GridError `CAMPAIGN_OWNED`, `CAMPAIGN_LOST`
 */
export async function orchestrate(options: OrchestrateOptions): Promise<CampaignState> {
  const { record, paths, state } = await loadCampaign(options.stateDir, options.id);
  const { config } = record;
  const { log, end = false } = options;
  const keys = campaignKeys(record.id);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  signal.throwIfAborted();

  const self = ownerOfThisProcess();
  const before = await readOwner(paths.orchestratorPid);
  const previous = await readJournal(paths.journal);
  const known = viewOf(previous.records);
  if (isFinal(known.state) && !end) return known.state;
  const pinned = pinnedRuntime(known);
  const plan = await readPlan(paths.plan).catch((error: unknown) => {
    if (!end) throw error;
    log.warn("the campaign is ended without its plan", { error: describeError(error) });
    return emptyPlan(record);
  });
  // Who only ends a campaign needs neither the metrics' services nor anything to start nodes with.
  if (end) {
    const site = siteOfGateway(config, state);
    await atGateway(config.network, { act: "services-up", site, needed: ["redis"] }, log, signal);
  }
  const programs =
    end && pinned && existsSync(pinned.batch)
      ? undefined
      : await stagePrograms(await ensureBundles(log), state.runtimes);
  const entry = programs?.batch ?? pinned?.batch ?? "";
  const way = await openWay(record, { paths, state, plan, pinned, end }, log, signal);
  const access = openBatchAccess(config, log);
  const batch = await openBatchSystem(config, { batchDir: state.batch, entry }, signal, access.runner).catch(
    (error: unknown) => {
      access.close();
      throw error;
    },
  );

  const redis = new Redis(way.access.redis);
  redis.on("error", (error) => log.debug("redis", { error: describeError(error) }));
  // Commands to a Redis that is away wait for it, except when they are all that keeps us.
  let givingUp: NodeJS.Timeout | undefined;
  const giveUp = (): void => {
    givingUp = setTimeout(() => redis.disconnect(), GIVE_UP_MS);
  };
  signal.addEventListener("abort", giveUp, { once: true });
  let ownership: Ownership | undefined;
  let isWritten = false;
  try {
    ownership = await acquireOwnership(redis, record, previous.epoch, {
      force: before !== undefined && judgeOwner(before) === "dead",
      signal,
      hasSuccessor: async (epoch) => (await readJournal(paths.journal)).epoch > epoch,
      onLost: () => {
        log.error("another orchestrator has taken over this campaign; this one stops");
        stop.abort(new GridError("CAMPAIGN_LOST", "another orchestrator has taken over this campaign"));
      },
    });
    const journal = await openJournal(paths.journal, ownership.epoch, hostname());
    ownership.lost.addEventListener("abort", () => journal.fence());
    await writeOwner(paths.orchestratorPid, self);
    isWritten = true;
    const ctx: CampaignContext = {
      record,
      config,
      plan,
      paths,
      state,
      ...way,
      redis,
      keys,
      batch,
      dialect: batch.dialect,
      nodeFiles: createNodeFiles({ config, campaign: record.id, paths, access, log, signal }),
      spool: createSpool(redis, keys),
      journal,
      view: viewOf(journal.records),
      log,
      signal,
    };
    try {
      if (ctx.view.states.length === 0) await decide(ctx, { type: "created", campaign: record.id, plan: plan.id });
      if (programs && !end) ctx.programs = await nodePrograms(ctx, programs);
      return await orAbandoned(run(ctx, ownership, end), signal);
    } finally {
      await journal.close();
    }
  } catch (error) {
    // What came of giving up is no news.
    signal.throwIfAborted();
    throw error;
  } finally {
    // A campaign that has ended has no keys any more; renewing the sign of life would make one again.
    if (ownership && !ownership.lost.aborted) {
      const released = ownership.release().catch(() => undefined);
      await Promise.race([released, sleep(GIVE_UP_MS, undefined, { ref: false })]);
    }
    ownership?.stop();
    signal.removeEventListener("abort", giveUp);
    clearTimeout(givingUp);
    redis.disconnect();
    access.close();
    if (isWritten) await removeOwner(paths.orchestratorPid, self);
  }
}

/**
 * The result of the work. Some while after the signal it is left behind if it has not ended: it waits for a part that is away, and what it wanted there is
 * for whoever adopts the campaign.
 */
async function orAbandoned<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const abandoned = new Promise<never>((_, reject) => {
    const wait = (): void => {
      late = setTimeout(() => reject(signal.reason as Error), 3 * GIVE_UP_MS);
    };
    if (signal.aborted) wait();
    else signal.addEventListener("abort", wait, { once: true });
  });
  try {
    return await Promise.race([work, abandoned]);
  } finally {
    clearTimeout(late);
  }
}

/**
 * The way to Redis. Where it leads through the gateway, secrets and gateway are made first, which is safe without owning the
 * campaign: see `campaign-gateway.ts`. Who only ends it needs no master.
 */
async function openWay(
  record: CampaignRecord,
  needs: {
    readonly paths: CampaignPaths;
    readonly state: StatePaths;
    readonly plan: Plan;
    readonly pinned: CampaignRuntime | undefined;
    readonly end: boolean;
  },
  log: Log,
  signal: AbortSignal,
): Promise<Pick<CampaignContext, "access" | "secrets" | "gateway">> {
  const { config } = record;
  const { paths, state, end } = needs;
  if (!isBehindProxy(config)) return { access: await directAccess(config, state, end ? ["redis"] : undefined) };
  const secrets = await campaignSecrets(record, paths, needs.plan);
  const runtime = end ? undefined : (needs.pinned ?? (await findRuntime(config, state, log, signal)));
  const gateway = await openGateway({ record, paths, state, ...(runtime ? { runtime } : {}) }, log, signal);
  return { access: accessThroughProxy(secrets, gateway), secrets, gateway };
}

async function findRuntime(
  config: CampaignRecord["config"],
  state: StatePaths,
  log: Log,
  signal: AbortSignal,
): Promise<Pick<CampaignRuntime, "elasticsearchHome" | "javaHome">> {
  const runtime = await ensureElasticsearch(config, state, log, signal);
  return { elasticsearchHome: runtime.home, javaHome: runtime.javaHome };
}

/** What nodes run: Elasticsearch and Java are those with which the campaign began. */
async function nodePrograms(ctx: CampaignContext, { agent, parser, batch }: Programs): Promise<NodePrograms> {
  const { elasticsearchHome, javaHome } = await step(ctx, RUNTIME_STEP, async (): Promise<CampaignRuntime> => {
    return { ...(await findRuntime(ctx.config, ctx.state, ctx.log, ctx.signal)), batch };
  });
  return { node: nodeBinary(), agent, parser, elasticsearchHome, javaHome };
}

async function run(ctx: CampaignContext, ownership: Ownership, end: boolean): Promise<CampaignState> {
  const { log, view } = ctx;
  const groups = createNodeGroups(ctx, () => nodeInputsOf(ctx));
  const tuner: Tuner = createTuner(ctx, () => progress.nodes());
  const progress: Progress = await createProgress(ctx, groups, tuner);
  const notifier = notifierOf(ctx);
  let phase = new AbortController();
  const interrupt = (reason: Error): void => phase.abort(reason);

  const ending = end ? teardownEvent(view.state) : undefined;
  if (ending) await move(ctx, ending, "torn down by the operator");

  const ticker = startTicker(ctx, groups, progress, tuner, notifier, interrupt);
  let retries = 0;
  /** A fault that came up while the campaign rested after another one. */
  let pending: BackfillError | undefined;
  let finished: FinishResult | undefined;
  try {
    for (;;) {
      ctx.signal.throwIfAborted();
      if (phase.signal.aborted) phase = new AbortController();
      const signal = AbortSignal.any([ctx.signal, phase.signal]);
      const state = view.state;
      try {
        const fault = pending;
        pending = undefined;
        if (fault) throw fault;
        switch (state) {
          case "planned":
            await move(ctx, "start");
            break;
          case "booting":
            await boot(ctx, groups, signal);
            break;
          case "running":
          case "paused":
            // Of a load that goes on after its end.
            finished = undefined;
            await attach(ctx, signal);
            await load(ctx, groups, signal);
            break;
          case "finishing": {
            // Noticed while the load came to its end.
            const reload = openReload(view);
            if (reload) {
              await move(ctx, "reload", reloadText(reload));
              break;
            }
            await attach(ctx, signal);
            await step(ctx, LOAD_END, async () => ({ cpuMillis: await progress.storeCpuMillis() }));
            finished = await finish(ctx, groups, () => progress.writeReport(undefined), signal);
            await step(ctx, "finished", async () => finished);
            await progress.writeReport(finished);
            await move(ctx, ctx.config.finish === "keep" ? "serve" : "finished");
            break;
          }
          case "restoring":
            await attach(ctx, signal);
            finished = await restoreMonth(ctx, signal);
            await progress.writeReport(finished);
            await move(ctx, "serve");
            break;
          case "serving":
            finished ??= resultOf(view);
            await progress.writeReport(finished);
            await attach(ctx, signal);
            await keepServing(ctx, signal);
            break;
          case "held":
            await progress.writeReport(undefined);
            // Somebody has to decide; commands interrupt this wait. Until then they can look at a cluster that is looked after.
            await attach(ctx, signal);
            await until(() => false, signal);
            break;
          case "tearing-down":
            finished ??= resultOf(view);
            await endJobs(ctx, groups);
            await progress.writeReport(finished);
            // From here on Redis may be out of reach: nobody looks at it any more, nor starts the gateway again.
            await ctx.spool.disconnect();
            ownership.stop();
            const quiet = ticker.stop();
            ctx.redis.disconnect();
            await quiet;
            await removeTraces(ctx);
            await move(ctx, view.outcome === undefined ? "torn-down-failed" : (`torn-down-${view.outcome}` as const));
            await progress.writeReport(finished);
            break;
          case "done":
          case "failed":
          case "cancelled":
            if (end) {
              await ticker.stop();
              ownership.stop();
              await sweep(ctx);
            }
            return state;
        }
        retries = 0;
      } catch (caught) {
        ctx.signal.throwIfAborted();
        if (view.state !== state) continue;
        // Whatever an interrupted phase threw, the interruption says why.
        const wasInterrupted = phase.signal.aborted && (caught === phase.signal.reason || isAbort(caught));
        const error: unknown = wasInterrupted ? phase.signal.reason : caught;
        if (wasInterrupted && !(error instanceof BackfillError)) continue;
        const isLoss = await isLossPending(ctx);
        const answer = isLoss ? "again" : answerTo(error, state, retries < MOST_RETRIES);
        const text = describeError(error);
        log.error(`${state}: ${text}`, { answer });
        if (isLoss) log.warn("primary shards have no copy: the campaign waits for their node, or for its loss");
        else if (answer === "again") retries += 1;
        else if (answer === "hold" || answer === "fail") {
          if (await giveWay(ctx, answer, text)) continue;
        } else await keepWarning(ctx, `${state}: ${text}`);
        if (answer === "leave") throw error;
        if (phase.signal.aborted) phase = new AbortController();
        if (view.state !== state) continue;
        await sleep(answer === "again" ? AGAIN_MS : STAY_MS, undefined, {
          signal: AbortSignal.any([ctx.signal, phase.signal]),
        }).catch(() => undefined);
        const reason: unknown = phase.signal.reason;
        if (view.state === state && reason instanceof BackfillError) pending = reason;
      }
    }
  } finally {
    await ticker.stop();
    await notifier?.settle(ctx.signal.aborted ? 0 : SETTLE_MS);
    await progress.close();
  }
}

/** What finishing or restoring found out, also when another orchestrator did it. */
function resultOf({ steps }: CampaignView): FinishResult | undefined {
  return (steps.get("finished") ?? steps.get(RESTORED))?.result as FinishResult | undefined;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/**
 * Holds or fails the campaign for a fault; nothing more is taken from the spool.
 * @returns false when that cannot be written down: the disk is full, and it is tried again
 */
async function giveWay(ctx: CampaignContext, event: "hold" | "fail", reason: string): Promise<boolean> {
  await ctx.spool.close().catch(() => undefined);
  try {
    return (await move(ctx, event, reason)) || (await move(ctx, "fail", reason));
  } catch (error) {
    if (!(error instanceof BackfillError) || error.code !== "JOURNAL_UNWRITABLE") throw error;
    ctx.log.error(describeError(error));
    return false;
  }
}

/** Loads: waits until both queues are empty and the store has what it said to have. What must not be finished holds the campaign. */
async function load(ctx: CampaignContext, groups: NodeGroups, signal: AbortSignal): Promise<void> {
  await reopenLoad(ctx, signal);
  await reloadLost(ctx, groups, signal);
  // A pause or a resume that was written down and not carried out before a crash is carried out now.
  if (ctx.view.state === "paused") await ctx.spool.close();
  else await ctx.spool.open();
  for (let reloads = 0; ;) {
    await until(
      async () => ctx.view.state === "running" && !openReload(ctx.view) && (await ctx.spool.isDrained()),
      signal,
      500,
    );
    const obstacle = await obstacleTo(ctx, await ctx.spool.failed());
    if (obstacle !== undefined) {
      await ctx.spool.close();
      await move(ctx, "hold", `${obstacle}. Mend the cause, then \`gridharvest resume ${ctx.record.id}\``);
      return;
    }
    // What loading does not bring back the reconciliation has to name.
    if (reloads < MOST_RELOADS && (await reloadMissing(ctx, signal)) > 0) reloads += 1;
    else if (await endLoad(ctx)) return;
  }
}
