import type { Config } from "./config-schema.ts";
import { decide, move, type CampaignContext } from "./context.ts";
import { isOpen } from "./time-window.ts";
import { openReload, type CampaignView } from "./view.ts";

/** How fast a campaign may load, and when. */
export interface CampaignLimits {
  /** 0 = no limit. */
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Time of day in which it loads, `22:00-06:00`; null for all day. */
  readonly window: string | null;
}

/** What the operator said last counts, else the configuration. Pure. */
export function limitsOf(config: Pick<Config, "limits">, view: Pick<CampaignView, "limits">): CampaignLimits {
  const { eventsPerSecond, bytesPerSecond, window = null } = config.limits;
  return view.limits ?? { eventsPerSecond, bytesPerSecond, window };
}

/** In words, of a campaign without any. */
export const NO_LIMITS = "no limits";

/** In words. */
export function limitsText({ eventsPerSecond, bytesPerSecond, window }: CampaignLimits): string {
  const parts = [
    eventsPerSecond === 0 ? [] : `${String(eventsPerSecond)} events/s`,
    bytesPerSecond === 0 ? [] : `${String(bytesPerSecond)} bytes/s`,
    window === null ? [] : `from ${window.replace("-", " to ")}`,
  ].flat();
  return parts.length === 0 ? NO_LIMITS : `at most ${parts.join(", ")}`.replace(/^at most from/, "from");
}

/** Parsers read the rates from Redis, at most a second late. */
export async function tellLimits(ctx: CampaignContext): Promise<void> {
  const { eventsPerSecond, bytesPerSecond } = limitsOf(ctx.config, ctx.view);
  await ctx.redis.hset(ctx.keys.knobs, { eventsPerSecond, bytesPerSecond });
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
