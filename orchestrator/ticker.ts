import { setTimeout as sleep } from "node:timers/promises";
import { BackfillError, describeError, StoreError } from "../worker/contract/errors.ts";
import { keepGateway } from "./boot.ts";
import type { CampaignState } from "./campaign.ts";
import { handleCommands } from "./command-handler.ts";
import { keepWarning, type CampaignContext } from "./context.ts";
import { answerTo } from "./fault.ts";
import type { NodeGroups } from "./node-groups.ts";
import type { Progress } from "./progress.ts";
import { endServiceInTime } from "./serving/serving.ts";

/**
 * What goes on beside every phase, in lanes of their own, so that none waits for another: commands are answered while `qstat` hangs,
 * and one agent that cannot be certified keeps no job from being looked at. A fault that concerns the campaign interrupts its phase; others
 * are logged, and the lane goes on.
 */
export interface Ticker {
  /** Leaves the gateway alone from now on: it is about to be stopped. */
  leaveGateway(): Promise<void>;
  stop(): Promise<void>;
}

const TICK_MS = 250;

const WORKING: ReadonlySet<CampaignState> = new Set(["running", "paused"]);
const WITH_DATA: ReadonlySet<CampaignState> = new Set([...WORKING, "finishing"]);
/** Of what serves, lost nodes are replaced, and what they held is restored. */
const SERVING: ReadonlySet<CampaignState> = new Set(["restoring", "serving"]);
const WITH_GATEWAY: ReadonlySet<CampaignState> = new Set([...WITH_DATA, ...SERVING, "held"]);

/** @param interrupt ends the phase that is under way; with a BackfillError it is that phase's fault */
export function startTicker(
  ctx: CampaignContext,
  groups: NodeGroups,
  progress: Progress,
  interrupt: (reason: Error) => void,
): Ticker {
  const stopped = new AbortController();
  const gatewayLeft = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stopped.signal]);
  const gatewaySignal = AbortSignal.any([signal, gatewayLeft.signal]);
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

  const lanes = [
    lane(TICK_MS, signal, [
      async () => {
        const before = ctx.view.state;
        await handleCommands(ctx);
        await endServiceInTime(ctx);
        if (ctx.view.state !== before) interrupt(new Error("the state changed"));
      },
    ]),
    lane(TICK_MS, signal, [() => groups.serveJoins()]),
    lane(pollMs, signal, [
      () => groups.poll(),
      () => (WORKING.has(ctx.view.state) || SERVING.has(ctx.view.state) ? groups.reconcile() : undefined),
      () => {
        if (WITH_DATA.has(ctx.view.state)) checkDataNodes(ctx);
      },
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
    ]),
  ];
  const gatewayLane = lane(pollMs, gatewaySignal, [
    () => (WITH_GATEWAY.has(ctx.view.state) ? keepGateway(ctx, gatewaySignal) : undefined),
  ]);
  return {
    async leaveGateway() {
      gatewayLeft.abort();
      await gatewayLane;
    },
    async stop() {
      stopped.abort();
      await Promise.all([...lanes, gatewayLane]);
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
