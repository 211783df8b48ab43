import { nodeHoursOf } from "./accounting.ts";
import type { Config } from "./config-schema.ts";
import { decide, type CampaignContext } from "./context.ts";
import type { CampaignView } from "./view.ts";

/** What a campaign may cost, and what it has cost. In node-hours; those of running nodes count up to now. */
export interface Budget {
  readonly nodeHours: number;
  readonly spent: number;
  /** Nothing more is submitted: no missing node, no successor. Nodes that run go on until their walltime. */
  readonly reached: boolean;
}

/**
 * Undefined without a limit. What the operator said last counts, else the configuration. Pure: whoever takes the campaign up
 * decides the same from the same journal.
 */
export function budgetOf(
  config: Pick<Config, "budget" | "dataNodes" | "parsers">,
  view: Pick<CampaignView, "budget" | "jobs">,
  now: number,
): Budget | undefined {
  const nodeHours = view.budget ? view.budget.nodeHours : config.budget?.nodeHours;
  if (nodeHours === undefined || nodeHours === null) return undefined;
  const spent = nodeHoursOf(config, view.jobs.values(), now);
  return { nodeHours, spent: Math.round(spent * 1000) / 1000, reached: spent >= nodeHours };
}

/** In words. */
export function budgetText(budget: Budget | undefined): string {
  if (!budget) return "no limit";
  const { nodeHours, spent, reached } = budget;
  const text = `${spent.toFixed(2)} of ${String(nodeHours)} node-hours`;
  return reached ? `${text}: nothing more is submitted, nodes that run go on until their walltime` : text;
}

/** Writes down, once for each budget, that it is spent. */
export async function noteBudget(ctx: CampaignContext): Promise<void> {
  const budget = budgetOf(ctx.config, ctx.view, Date.now());
  if (budget?.reached !== true || ctx.view.budgetReachedAt !== undefined) return;
  const { nodeHours, spent } = budget;
  await decide(ctx, { type: "budget-reached", nodeHours, spent });
  ctx.log.warn(`the budget is spent: ${budgetText(budget)}`);
}
