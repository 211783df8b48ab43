import type { Rates } from "../worker/contract/rate-bucket.ts";
import type { Order } from "../worker/contract/spool.ts";
import type { Config } from "./config-schema.ts";
import { decide, move, type CampaignContext } from "./context.ts";
import { dividesSite, takePart } from "./site-share.ts";
import { isOpen } from "./time-window.ts";
import { openReload, type CampaignView } from "./view.ts";

/** How fast a campaign may load, when, and in which order. */
export interface CampaignLimits extends Rates {
  /** Time of day in which it loads, `22:00-06:00`; null for all day. */
  readonly window: string | null;
  readonly order: Order;
  /** Among the campaigns of the site that load, where those have a limit together. */
  readonly weight: number;
}

/** What the operator said last counts, else the configuration. Pure. */
export function limitsOf(config: Pick<Config, "limits">, view: Pick<CampaignView, "limits">): CampaignLimits {
  const { eventsPerSecond, bytesPerSecond, window = null, order, weight } = config.limits;
  return { eventsPerSecond, bytesPerSecond, window, order, weight, ...view.limits };
}

/** In words, of a campaign without any. */
export const NO_LIMITS = "no limits";

/** In words. */
export function limitsText({ eventsPerSecond, bytesPerSecond, window, order, weight }: CampaignLimits): string {
  const parts = [
    eventsPerSecond === 0 ? [] : `${String(eventsPerSecond)} events/s`,
    bytesPerSecond === 0 ? [] : `${String(bytesPerSecond)} bytes/s`,
    window === null ? [] : `from ${window.replace("-", " to ")}`,
  ].flat();
  const rates = parts.length === 0 ? NO_LIMITS : `at most ${parts.join(", ")}`.replace(/^at most from/, "from");
  const others = [
    order === "spread" ? [] : `${order} first`,
    weight === 1 ? [] : `weight ${String(weight)} among the campaigns of the site`,
  ].flat();
  return [...(others.length > 0 && rates === NO_LIMITS ? [] : [rates]), ...others].join("; ");
}

/** A campaign's own limits, or its part of the site's if that is less. Pure. */
export function allowedRates(own: Rates, part: Rates): Rates {
  const least = (...rates: readonly number[]): number => {
    const limits = rates.filter((rate) => rate > 0);
    return limits.length === 0 ? 0 : Math.min(...limits);
  };
  return {
    eventsPerSecond: least(own.eventsPerSecond, part.eventsPerSecond),
    bytesPerSecond: least(own.bytesPerSecond, part.bytesPerSecond),
  };
}

/** Parsers read the rates, and the order of what they unpack, from Redis, at most a second late. */
export async function tellLimits(ctx: CampaignContext): Promise<void> {
  const own = limitsOf(ctx.config, ctx.view);
  const rates = allowedRates(own, await takePart(ctx));
  await ctx.redis.hset(ctx.keys.knobs, { ...rates, order: own.order });
}

/** Tells the parsers of a load their part of what the site may load, which changes with what all campaigns need. */
export async function keepPart(ctx: CampaignContext): Promise<void> {
  if (!dividesSite(ctx.config)) return;
  if (ctx.view.state === "running" || ctx.view.state === "paused") await tellLimits(ctx);
  else await takePart(ctx);
}

/** What parsers were told last. */
export async function toldRates(ctx: Pick<CampaignContext, "redis" | "keys">): Promise<Rates> {
  const [events, bytes] = await ctx.redis.hmget(ctx.keys.knobs, "eventsPerSecond", "bytesPerSecond");
  return { eventsPerSecond: Number(events ?? 0), bytesPerSecond: Number(bytes ?? 0) };
}

/** Keeps what waits in its order: what comes back, or was unpacked while the order changed, has the priority of its time. */
export async function keepOrder(ctx: Pick<CampaignContext, "config" | "view" | "spool">): Promise<void> {
  await ctx.spool.reorder(limitsOf(ctx.config, ctx.view).order);
}

/** Changes some of the limits, from now on. */
export async function setLimits(ctx: CampaignContext, change: Partial<CampaignLimits>): Promise<CampaignLimits> {
  await decide(ctx, { type: "limits", ...limitsOf(ctx.config, ctx.view), ...change });
  await tellLimits(ctx);
  await keepWindow(ctx);
  return limitsOf(ctx.config, ctx.view);
}

const OUTSIDE = "outside of its window";

/**
 * Pauses a load outside of its window, and lets it go on within it, unless the operator paused it as well.
 * @returns whether it was paused just now
 */
export async function keepWindow(ctx: CampaignContext): Promise<boolean> {
  const { view } = ctx;
  const { window } = limitsOf(ctx.config, view);
  const open = isOpen(window, Date.now(), ctx.config.limits.timeZone);
  if (view.state === "running" && !open) {
    if (!(await move(ctx, "pause", `${OUTSIDE}, ${window ?? ""}`))) return false;
    await ctx.spool.close();
    return true;
  }
  const isOurs = view.state === "paused" && view.reason?.startsWith(OUTSIDE) === true && !view.pausedByOperator;
  // After a loss it is opened when what was lost waits in it again.
  if (isOurs && open && (await move(ctx, "resume")) && !openReload(view)) await ctx.spool.open();
  return false;
}
