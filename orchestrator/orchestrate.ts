import { readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { Redis } from "ioredis";
import { createBatchSystem, DIALECTS } from "../pbs/index.ts";
import { BackfillError, describeError, GridError, StoreError } from "../worker/contract/errors.ts";
import { campaignKeys } from "../worker/contract/keys.ts";
import { identifyProcess, isAlive, type ProcessIdentity } from "../worker/contract/process.ts";
import { attach, boot, keepGateway } from "./boot.ts";
import { teardownEvent, type CampaignState } from "./campaign.ts";
import { loadCampaign, writeFileAtomic } from "./campaign-store.ts";
import { handleCommands } from "./command-handler.ts";
import { decide, move, step, until, type CampaignContext } from "./context.ts";
import { finish, obstacleTo, type FinishResult } from "./finish.ts";
import { openJournal, readJournal } from "./journal.ts";
import type { Log } from "./log.ts";
import { createNodeGroups, type NodeGroups } from "./node-groups.ts";
import { nodeInputsOf } from "./node-inputs.ts";
import { acquireOwnership, type Ownership } from "./ownership.ts";
import { readPlan } from "./plan-file.ts";
import { createProgress, type Progress } from "./progress.ts";
import { ensureBundles, ensureElasticsearch, nodeBinary, stagePrograms } from "./runtimes/index.ts";
import { readServices, redisOptions } from "./services/index.ts";
import { createSpool } from "./spool.ts";
import { forget, teardown } from "./teardown.ts";
import { servingUntil, viewOf } from "./view.ts";

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

const TICK_MS = 250;
/** How often a phase is tried again after errors that may pass by themselves, before the campaign fails or is held. */
const MOST_RETRIES = 20;

/** Runs the campaign to its end, or until the signal. @returns the state in which it was left */
export async function orchestrate(options: OrchestrateOptions): Promise<CampaignState> {
  const { record, paths, state } = await loadCampaign(options.stateDir, options.id);
  const { config } = record;
  const plan = await readPlan(paths.plan);
  const services = await readServices(config, state);
  const log = options.log;
  const keys = campaignKeys(record.id);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);

  const previous = await readJournal(paths.journal);
  const programs = await stagePrograms(await ensureBundles(log), state.runtimes);
  const runtime = await ensureElasticsearch(config, state, log);
  const batch = await createBatchSystem({
    system: config.batch.system,
    batchDir: state.batch,
    nodes: config.batch.local.nodes,
    slotsPerNode: config.batch.local.slotsPerNode,
    queueDelaySeconds: config.batch.local.queueDelay,
    commandTimeoutSeconds: config.batch.commandTimeout,
    node: nodeBinary(),
    entry: programs.batch,
  });

  const redis = new Redis(redisOptions(services.redis));
  redis.on("error", (error) => log.debug("redis", { error: describeError(error) }));
  let ownership: Ownership | undefined;
  try {
    ownership = await acquireOwnership(redis, keys, previous.epoch, {
      force: await previousIsDead(paths.orchestratorPid),
      onLost: () => {
        log.error("another orchestrator has taken over this campaign; this one stops");
        stop.abort(new GridError("CAMPAIGN_LOST", "another orchestrator has taken over this campaign"));
      },
    });
    const journal = await openJournal(paths.journal, ownership.epoch, hostname());
    ownership.lost.addEventListener("abort", () => journal.fence());
    await writeFileAtomic(paths.orchestratorPid, JSON.stringify(identifyProcess(process.pid)));
    const ctx: CampaignContext = {
      record,
      config,
      plan,
      paths,
      state,
      services,
      redis,
      keys,
      batch,
      dialect: DIALECTS[config.batch.system],
      programs: {
        node: nodeBinary(),
        agent: programs.agent,
        parser: programs.parser,
        elasticsearchHome: runtime.home,
        javaHome: runtime.javaHome,
      },
      spool: createSpool(redis, keys),
      journal,
      view: viewOf(journal.records),
      log,
      signal,
    };
    try {
      return await run(ctx, ownership, options.end ?? false);
    } finally {
      await journal.close();
    }
  } finally {
    // A campaign that has ended has no keys any more; renewing the sign of life would make one again.
    if (ownership && !ownership.lost.aborted)
      await Promise.race([ownership.release(), new Promise((r) => setTimeout(r, 1000))]);
    ownership?.stop();
    redis.disconnect();
    await rm(paths.orchestratorPid, { force: true });
  }
}

/** Whether the process that the campaign's pid file names is gone, so that nobody has to wait for its sign of life to expire. */
async function previousIsDead(file: string): Promise<boolean> {
  try {
    return !isAlive(JSON.parse(await readFile(file, "utf8")) as ProcessIdentity);
  } catch {
    return false;
  }
}

async function run(ctx: CampaignContext, ownership: Ownership, end: boolean): Promise<CampaignState> {
  const { log, view } = ctx;
  const groups = createNodeGroups(ctx, () => nodeInputsOf(ctx));
  const progress = await createProgress(ctx, groups);
  let phase = new AbortController();
  const interrupt = (reason: Error): void => phase.abort(reason);

  if (view.states.length === 0) await decide(ctx, { type: "created", campaign: ctx.record.id, plan: ctx.plan.id });
  const ending = end ? teardownEvent(view.state) : undefined;
  if (ending) await move(ctx, ending, "torn down by the operator");

  const ticker = startTicker(ctx, groups, progress, interrupt);
  let retries = 0;
  let finished: FinishResult | undefined;
  try {
    for (;;) {
      ctx.signal.throwIfAborted();
      if (phase.signal.aborted) phase = new AbortController();
      const signal = AbortSignal.any([ctx.signal, phase.signal]);
      const state = view.state;
      try {
        switch (state) {
          case "planned":
            await move(ctx, "start");
            break;
          case "booting":
            await boot(ctx, groups, signal);
            break;
          case "running":
          case "paused":
            await attach(ctx, signal);
            await load(ctx, groups, signal);
            break;
          case "finishing":
            await attach(ctx, signal);
            await step(ctx, "load-end", async () => ({ cpuMillis: await progress.storeCpuMillis() }));
            finished = await finish(ctx, groups, () => progress.writeReport(undefined), signal);
            await step(ctx, "finished", async () => finished);
            await progress.writeReport(finished);
            await move(ctx, ctx.config.finish === "keep" ? "serve" : "finished");
            break;
          case "serving":
            finished ??= view.steps.get("finished")?.result as FinishResult | undefined;
            await progress.writeReport(finished);
            await attach(ctx, signal);
            await serve(ctx, signal);
            break;
          case "held":
            await progress.writeReport(undefined);
            // Somebody has to decide; commands interrupt this wait.
            await until(() => false, signal);
            break;
          case "tearing-down":
            finished ??= view.steps.get("finished")?.result as FinishResult | undefined;
            await teardown(ctx, groups);
            await progress.writeReport(finished);
            await ticker.stop();
            ownership.stop();
            await step(ctx, "forget", () => forget(ctx));
            await move(ctx, view.outcome === undefined ? "torn-down-failed" : (`torn-down-${view.outcome}` as const));
            await progress.writeReport(finished);
            break;
          case "done":
          case "failed":
          case "cancelled":
            if (end) await forget(ctx);
            return state;
        }
        retries = 0;
      } catch (error) {
        ctx.signal.throwIfAborted();
        if (view.state !== state) continue;
        if (phase.signal.aborted && error === phase.signal.reason && !(error instanceof BackfillError)) continue;
        const text = describeError(error);
        const passing = error instanceof BackfillError && error.retryable && retries < MOST_RETRIES;
        log.error(`${state}: ${text}`, { again: passing });
        if (passing) {
          retries += 1;
          await until(() => false, AbortSignal.any([signal, AbortSignal.timeout(2000)])).catch(() => undefined);
        } else if (state === "tearing-down") {
          await decide(ctx, { type: "warning", text: `teardown: ${text}` });
          throw error;
        } else {
          await ctx.spool.close().catch(() => undefined);
          if (state !== "finishing" || !(await move(ctx, "hold", text))) await move(ctx, "fail", text);
        }
      }
    }
  } finally {
    await ticker.stop();
    await progress.close();
  }
}

/** Loads: waits until both queues are empty. What must not be finished holds the campaign. */
async function load(ctx: CampaignContext, groups: NodeGroups, signal: AbortSignal): Promise<void> {
  // A pause or a resume that was written down and not carried out before a crash is carried out now.
  if (ctx.view.state === "paused") await ctx.spool.close();
  else await ctx.spool.open();
  await until(async () => ctx.view.state === "running" && (await ctx.spool.isDrained()), signal, 500);
  const obstacle = await obstacleTo(ctx, await ctx.spool.failed());
  if (obstacle !== undefined) {
    await ctx.spool.close();
    await move(ctx, "hold", `${obstacle}. Mend the cause, then \`gridharvest resume ${ctx.record.id}\``);
    return;
  }
  await move(ctx, "drained");
}

async function serve(ctx: CampaignContext, signal: AbortSignal): Promise<void> {
  await until(() => Date.now() >= (servingUntil(ctx.view, ctx.config.keepFor) ?? 0), signal);
  await move(ctx, "release", "its serving time is over");
}

/** What goes on beside every phase. Errors that may pass are logged; others interrupt the phase. */
function startTicker(
  ctx: CampaignContext,
  groups: NodeGroups,
  progress: Progress,
  interrupt: (reason: Error) => void,
): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stopped.signal]);
  let lastPoll = 0;
  const tick = async (): Promise<void> => {
    const before = ctx.view.state;
    await handleCommands(ctx, groups);
    if (ctx.view.state !== before) interrupt(new Error("the state changed"));
    await groups.serveJoins();
    if (Date.now() - lastPoll < ctx.config.batch.poll * 1000) return;
    lastPoll = Date.now();
    await groups.poll();
    const state = ctx.view.state;
    const working = state === "running" || state === "paused";
    if (working) await groups.reconcile();
    if (working || state === "finishing") checkDataNodes(ctx);
    if (working || state === "finishing" || state === "serving" || state === "held") await keepGateway(ctx);
    await progress.update();
  };
  const running = (async () => {
    while (!signal.aborted) {
      try {
        await tick();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof BackfillError && !error.retryable) interrupt(error);
        else ctx.log.warn("this round of the orchestrator was cut short", { error: describeError(error) });
      }
      await until(() => false, AbortSignal.any([signal, AbortSignal.timeout(TICK_MS)])).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

/** @throws StoreError `DATA_NODE_LOST`: its shards had no replicas, so what was loaded into them is gone. */
function checkDataNodes(ctx: CampaignContext): void {
  // A node that went while booting held nothing yet, and was replaced.
  const bootedAt = ctx.view.states.find(({ state }) => state === "running")?.at ?? Number.POSITIVE_INFINITY;
  const lost = [...ctx.view.jobs.values()].find(
    (job) =>
      job.role === "es-data" && (job.ended?.at ?? 0) > bootedAt && job.certifiedAt !== undefined && !job.draining,
  );
  if (lost) {
    throw new StoreError(
      "DATA_NODE_LOST",
      `the data node ${lost.name} ended in mid-campaign (exit status ${String(lost.ended?.exit ?? "unknown")}); what it held is lost, launch the campaign again. Its log: gridharvest logs ${ctx.record.id} ${lost.name}`,
    );
  }
}
