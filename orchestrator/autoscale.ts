import type { Config } from "./config-schema.ts";
import { decide, type CampaignContext } from "./context.ts";
import { stayingJobs } from "./jobs/forecast.ts";
import { limitsOf } from "./limits.ts";
import type { ProgressFile } from "./progress.ts";
import type { LimitingStage } from "./tuning/stage.ts";
import type { CampaignView } from "./view.ts";

/**
 * Scaling by itself: a controller of two numbers, the parsers and the data nodes, that follows a rate. It changes nothing
 * while nodes of the last change are still to come, nor within the cool-down after that; between its two thresholds it
 * does nothing at all. What it adds or takes away is what the measured rate of one node says, so that in a
 * constant world it comes to rest.
 */
export interface ScaleInputs {
  readonly now: number;
  readonly policy: Config["autoscale"];
  readonly targets: { readonly dataNodes: number; readonly parsers: number };
  /** Whether as many nodes work as there shall be. */
  readonly settled: boolean;
  /** When the targets were changed, or the last node came up, whichever is later. */
  readonly settledAt: number;
  /** Rate over demand; 0 when the time is up, undefined when nothing was measured. */
  readonly ratio: number | undefined;
  /** How busy the data nodes are with writing, 0 to 1. */
  readonly storeBusy: number;
  /** What the stage that holds the load up says there is too little of; absent when it says nothing. */
  readonly lacking?: LimitingStage["advice"];
}

export interface ScaleStep {
  readonly dataNodes: number;
  readonly parsers: number;
  readonly reason: string;
}

/** From here on the data nodes are what holds the load up: more parsers would only wait for them. */
const STORE_IS_BUSY = 0.8;
/** What the remaining data nodes may be busy after one has gone. */
const STORE_MAY_BE = 0.6;
/** At most so many times as many nodes at once: the rate of a few says little of that of many. */
const MOST_GROWTH = 2;

/** The next targets; undefined when they are right, or it is too early to say. Pure. */
export function scaleStep(inputs: ScaleInputs): ScaleStep | undefined {
  const { policy, targets, ratio, storeBusy } = inputs;
  if (policy.target.finishBy === undefined && policy.target.eventsPerSecond === undefined) return undefined;
  const bounded = {
    dataNodes: clamp(targets.dataNodes, policy.dataNodes),
    parsers: clamp(targets.parsers, policy.parsers),
  };
  if (bounded.dataNodes !== targets.dataNodes || bounded.parsers !== targets.parsers) {
    return { ...bounded, reason: "autoscale: the number of nodes was out of its bounds" };
  }
  if (!inputs.settled || inputs.now - inputs.settledAt < policy.coolDown * 1000 || ratio === undefined)
    return undefined;

  const said = `the rate is ${ratio.toFixed(2)} of what is wanted`;
  if (ratio < 1 - policy.tolerance) {
    const role = lacksDataNodes(inputs) ? "dataNodes" : "parsers";
    const wanted = Math.ceil(targets[role] * Math.min(MOST_GROWTH, 1 / ratio));
    const next = clamp(Math.max(wanted, targets[role] + 1), policy[role]);
    if (next === targets[role]) return undefined;
    const why = role === "dataNodes" ? "and the data nodes are busy" : "and the data nodes are not busy";
    return { ...targets, [role]: next, reason: `autoscale: ${said} ${why}` };
  }
  if (ratio > 1 + policy.tolerance) {
    const parsers = clamp(Math.ceil(targets.parsers / ratio), policy.parsers);
    if (parsers < targets.parsers) return { ...targets, parsers, reason: `autoscale: ${said}` };
    const fewer = targets.dataNodes - 1;
    const spare = fewer >= policy.dataNodes.min && (storeBusy * targets.dataNodes) / fewer < STORE_MAY_BE;
    if (spare) return { ...targets, dataNodes: fewer, reason: `autoscale: ${said} and the data nodes are idle` };
  }
  return undefined;
}

/** Where the limiting stage says nothing, how busy the data nodes are does. */
function lacksDataNodes({ lacking, storeBusy }: ScaleInputs): boolean {
  return lacking === undefined ? storeBusy >= STORE_IS_BUSY : lacking === "data nodes";
}

function clamp(count: number, bounds: { readonly min: number; readonly max: number }): number {
  return Math.min(bounds.max, Math.max(bounds.min, count));
}

/** Measured over wanted. Pure. */
export function ratioOf(
  target: Config["autoscale"]["target"],
  limit: { readonly eventsPerSecond: number },
  measured: {
    readonly now: number;
    readonly eventsPerSecond: number;
    readonly bytesPerSecond: number;
    readonly leftBytes: number;
  },
): number | undefined {
  const { eventsPerSecond, bytesPerSecond } = measured;
  if (eventsPerSecond <= 0) return undefined;
  if (target.eventsPerSecond !== undefined) {
    // More than the campaign's own limit nobody can reach.
    const wanted = Math.min(target.eventsPerSecond, limit.eventsPerSecond || Number.POSITIVE_INFINITY);
    return eventsPerSecond / wanted;
  }
  if (target.finishBy === undefined) return undefined;
  const secondsLeft = (Date.parse(target.finishBy) - measured.now) / 1000;
  return secondsLeft <= 0 ? 0 : bytesPerSecond / (measured.leftBytes / secondsLeft);
}

/** What the controller goes by, from what the journal and the last look say. */
export function scaleInputsOf(
  config: Config,
  view: CampaignView,
  progress: Pick<ProgressFile, "allowed" | "eventsPerSecond" | "bytesPerSecond" | "leftBytes" | "storeBusy" | "stage">,
  now: number,
): ScaleInputs {
  const nodes = { dataNodes: stayingJobs(view, "es-data"), parsers: stayingJobs(view, "parser") };
  const ups = [...nodes.dataNodes, ...nodes.parsers].map((job) => job.upAt);
  const { targets } = view;
  return {
    now,
    policy: config.autoscale,
    targets,
    settled:
      nodes.dataNodes.length === targets.dataNodes &&
      nodes.parsers.length === targets.parsers &&
      ups.every((at) => at !== undefined),
    settledAt: Math.max(view.targetsSet?.at ?? 0, ...ups.map((at) => at ?? 0)),
    ratio: ratioOf(config.autoscale.target, progress.allowed ?? limitsOf(config, view), { now, ...progress }),
    storeBusy: progress.storeBusy,
    ...(progress.stage?.advice === undefined ? {} : { lacking: progress.stage.advice }),
  };
}

/** Why the number of nodes is left as it is; undefined when nobody asked for more, or it is about to change. Pure. */
export function whyNotScaled(inputs: ScaleInputs): string | undefined {
  const { policy, ratio, now, settledAt } = inputs;
  const off = policy.target.finishBy === undefined && policy.target.eventsPerSecond === undefined;
  if (off || scaleStep(inputs)) return undefined;
  if (!inputs.settled) return "nothing is scaled until as many nodes work as there shall be";
  const coolUntil = settledAt + policy.coolDown * 1000;
  if (now < coolUntil)
    return `nothing is scaled for another ${Math.ceil((coolUntil - now) / 1000)} s (autoscale.coolDown)`;
  if (ratio === undefined) return "nothing is scaled while no rate is measured";
  if (Math.abs(ratio - 1) <= policy.tolerance) return undefined;
  return ratio < 1
    ? `the rate is ${ratio.toFixed(2)} of what is wanted, and there are as many ${lacksDataNodes(inputs) ? "data nodes, which are busy," : "parsers"} as there may be (autoscale)`
    : undefined;
}

/** Changes the targets of a running campaign when it is time to. */
export async function autoscale(ctx: CampaignContext, progress: ProgressFile | undefined): Promise<void> {
  if (!progress) return;
  const step = scaleStep(scaleInputsOf(ctx.config, ctx.view, progress, Date.now()));
  if (!step) return;
  await decide(ctx, { type: "target", ...step });
  ctx.log.info("scaled", { ...step });
}
