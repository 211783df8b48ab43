import { setTimeout as sleep } from "node:timers/promises";
import { postEvent } from "../../monitoring/index.ts";
import { budgetFields, readFigures, type Budgets } from "../../worker/contract/tuning.ts";
import { decide, type CampaignContext } from "../context.ts";
import type { QueueCounts } from "../spool.ts";
import { Looks, observationOf, type NodeLook, type Rates } from "./looks.ts";
import { policyOf } from "./policy.ts";
import { appendTuning } from "./record.ts";
import { limitingStage, type LimitingStage } from "./stage.ts";
import { startTuning, tune, type TuningState } from "./tune.ts";

/** The one tuner of a campaign: looks once a second while it loads, and tells the parsers through Redis what they may have on their way to the store. */
export interface Tuner {
  /** One look, and what follows from it. */
  look(): Promise<void>;
  /** What holds the load up, as of the last look. */
  stage(queues: {
    readonly parse: QueueCounts;
    readonly unpack: QueueCounts;
    readonly stagedBytes: number;
  }): LimitingStage | undefined;
  /** What each parser may have on its way just now. */
  budgets(): Budgets;
  /** How many decisions it has made. */
  decisions(): number;
}

const EVENT_MS = 5_000;
const NO_RATES: Rates = { parsers: [], nodes: [] };

/** @param nodes the newest look at the data nodes */
export function createTuner(ctx: CampaignContext, nodes: () => NodeLook | undefined): Tuner {
  const { config, keys, redis, view } = ctx;
  const policy = policyOf(config);
  const configured: Budgets = {
    bulkBytes: config.parsers.bulkBytes,
    requestsInFlight: config.parsers.requestsInFlight * config.parsers.slots,
  };
  let looks = new Looks();
  let rates = NO_RATES;
  let state: TuningState | undefined;
  let lookedAt = 0;
  let decisions = 0;

  const tell = async (budgets: Budgets): Promise<void> => {
    await redis.hset(keys.tuning, budgetFields(budgets));
  };

  const annotate = async (reason: string): Promise<void> => {
    const web = ctx.access.graphiteWeb;
    if (web === undefined) return;
    const tags = [config.metrics.prefix, ctx.record.id, "tuning"];
    const event = { what: `${ctx.record.id}: tuned`, tags, data: reason, at: Date.now() };
    // A picture's caption keeps nobody waiting.
    await Promise.race([
      postEvent(web, event, ctx.signal).catch(() => undefined),
      sleep(EVENT_MS, undefined, { ref: false }),
    ]);
  };

  const look = async (): Promise<void> => {
    if (view.state !== "running") {
      looks = new Looks();
      rates = NO_RATES;
      lookedAt = 0;
      return;
    }
    const figures = readFigures(await redis.hgetall(keys.figures));
    const alive = [...figures].filter(([name]) => view.jobs.get(name)?.ended === undefined && view.jobs.has(name));
    rates = looks.take(new Map(alive), dataNodes(nodes()));
    const now = Date.now();
    const seconds = (now - lookedAt) / 1000;
    const isFirst = lookedAt === 0;
    lookedAt = now;
    const seen = isFirst ? undefined : observationOf(rates, seconds);
    if (!seen) return;
    const budgets = state?.budgets ?? view.tuned ?? configured;
    await appendTuning(ctx.paths.tuning, { at: now, budgets: pick(budgets), seen });
    if (config.tuning.mode !== "auto") return;
    if (!state) {
      // An orchestrator that goes on with a campaign goes on from what the last one had found.
      state = startTuning(pick(budgets), view.tuned !== undefined);
      await tell(state.budgets);
    }
    const step = tune(state, seen, policy);
    if (step.reason === undefined) {
      state = step.state;
      return;
    }
    await decide(ctx, { type: "tuned", ...step.state.budgets, reason: step.reason });
    state = step.state;
    decisions += 1;
    await tell(state.budgets);
    ctx.log.info("tuned", { reason: step.reason });
    await annotate(step.reason);
  };

  /** Of the data nodes alone: the master writes nothing. */
  const dataNodes = (at: NodeLook | undefined): NodeLook | undefined => {
    if (!at) return undefined;
    const data = Object.entries(at.figures).filter(([name]) => view.jobs.get(name)?.role === "es-data");
    return { at: at.at, figures: Object.fromEntries(data) };
  };

  return {
    look,
    stage: ({ parse, unpack, stagedBytes }) =>
      limitingStage({
        ...looks.recent(),
        nodeCpus: config.dataNodes.cpus,
        waitingChunks: parse.waiting + parse.delayed,
        toUnpack: unpack.waiting + unpack.active + unpack.delayed,
        staged: stagedBytes / config.staging.limit,
      }),
    budgets: () => pick(state?.budgets ?? view.tuned ?? configured),
    decisions: () => decisions,
  };
}

function pick({ bulkBytes, requestsInFlight, compressed }: Budgets): Budgets {
  return { bulkBytes, requestsInFlight, compressed };
}
