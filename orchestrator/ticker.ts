import { setTimeout as sleep } from "node:timers/promises";
import { BackfillError, describeError } from "../worker/contract/errors.ts";
import { isBehindProxy } from "./access-path.ts";
import { autoscale } from "./autoscale.ts";
import { keepGateway } from "./boot.ts";
import { noteBudget } from "./budget.ts";
import type { CampaignState } from "./campaign.ts";
import { handleCommands } from "./command-handler.ts";
import { keepWarning, type CampaignContext } from "./context.ts";
import { answerTo } from "./fault.ts";
import { gatewayReport } from "./gateway-client.ts";
import { keepOrder, keepPart, keepWindow } from "./limits.ts";
import { createLossWatch } from "./loss/notice.ts";
import type { NodeGroups } from "./node-groups.ts";
import type { Notifier } from "./notify/index.ts";
import type { Progress } from "./progress.ts";
import { endServiceInTime } from "./serving/serving.ts";
import type { Tuner } from "./tuning/tuner.ts";

/**
 * What goes on beside every phase, in lanes of their own, so that none waits for another: commands are answered while `qstat` hangs,
 * and one agent that cannot be certified keeps no job from being looked at. A fault that concerns the campaign interrupts its phase; others
 * are logged, and the lane goes on.
 */
export interface Ticker {
  stop(): Promise<void>;
}

const TICK_MS = 250;
const TUNING_MS = 1000;

const LOADING: ReadonlySet<CampaignState> = new Set(["running", "paused"]);
const WITH_DATA: ReadonlySet<CampaignState> = new Set(["running", "paused", "finishing"]);
/** Of what serves, lost nodes are replaced, and what they held is restored. */
const SERVING: ReadonlySet<CampaignState> = new Set(["restoring", "serving"]);
const WITH_CLUSTER: ReadonlySet<CampaignState> = new Set([...WITH_DATA, ...SERVING, "held"]);

/**
 * @param notifier tells of changes; undefined when nobody wants to know
 * @param interrupt ends the phase that is under way; with a BackfillError it is that phase's fault
 */
export function startTicker(
  ctx: CampaignContext,
  groups: NodeGroups,
  progress: Progress,
  tuner: Tuner,
  notifier: Notifier | undefined,
  interrupt: (reason: Error) => void,
): Ticker {
  const stopped = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stopped.signal]);
  const pollMs = ctx.config.batch.poll * 1000;

  const lane = async (everyMs: number, until: AbortSignal, parts: readonly (() => unknown)[]): Promise<void> => {
    // The same again is not news.
    const said = new Map<() => unknown, string>();
    while (!until.aborted) {
      for (const part of parts) {
        if (until.aborted) return;
        try {
          await part();
          said.delete(part);
        } catch (error) {
          if (until.aborted) return;
          const text = describeError(error);
          if (said.get(part) !== text) ctx.log.warn(text);
          said.set(part, text);
          await takeUp(error, text);
        }
      }
      await sleep(everyMs, undefined, { signal: until }).catch(() => undefined);
    }
  };
  const takeUp = async (error: unknown, text: string): Promise<void> => {
    if (!(error instanceof BackfillError) || error.retryable) return;
    const answer = answerTo(error, ctx.view.state, true);
    if (answer === "stay") await keepWarning(ctx, text);
    else interrupt(error);
  };

  const losses = createLossWatch(ctx, groups, interrupt);
  const lanes = [
    lane(TICK_MS, signal, [
      async () => {
        const before = ctx.view.state;
        await handleCommands(ctx);
        await endServiceInTime(ctx);
        await keepWindow(ctx);
        if (ctx.view.state !== before) interrupt(new Error("the state changed"));
      },
    ]),
    lane(TICK_MS, signal, [() => groups.serveJoins()]),
    lane(TICK_MS, signal, [() => notifier?.look()]),
    lane(TUNING_MS, signal, [() => tuner.look()]),
    lane(TUNING_MS, signal, [() => keepPart(ctx)]),
    lane(TUNING_MS, signal, [() => (LOADING.has(ctx.view.state) ? keepOrder(ctx) : undefined)]),
    lane(pollMs, signal, [
      () => (ctx.view.state === "running" ? autoscale(ctx, progress.latest()) : undefined),
      () => noteBudget(ctx),
      // Booting and tearing down, the phase itself says when something is to be done.
      () => (WITH_CLUSTER.has(ctx.view.state) ? groups.reconcile() : groups.poll()),
      () => losses.look(),
    ]),
    lane(pollMs, signal, [
      async () => {
        try {
          await progress.update();
        } catch (cause) {
          // Figures and bars decide nothing: what they cannot be told is no fault of the campaign.
          throw new Error("the progress could not be written", { cause });
        }
      },
      () => tellRepairs(ctx),
    ]),
    lane(pollMs, signal, [() => (needsGateway(ctx) ? keepGateway(ctx, signal) : undefined)]),
  ];
  return {
    async stop() {
      stopped.abort();
      await Promise.all(lanes);
    },
  };
}

/** Also a teardown, where its jobs could not be told without the gateway. */
function needsGateway(ctx: CampaignContext): boolean {
  const { state, steps } = ctx.view;
  if (state !== "tearing-down") return WITH_CLUSTER.has(state);
  return isBehindProxy(ctx.config) && steps.get("end-jobs")?.doneAt === undefined;
}

/** What the gateway's supervisor started again is part of the campaign's story. */
async function tellRepairs(ctx: CampaignContext): Promise<void> {
  for (const { at, services } of (await gatewayReport(ctx))?.repairs ?? []) {
    const time = new Date(at).toISOString().slice(11, 19);
    await keepWarning(ctx, `died and was started again by the gateway at ${time}: ${services.join(", ")}`);
  }
}
