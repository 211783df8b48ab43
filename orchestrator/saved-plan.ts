import { ConfigError } from "../worker/contract/errors.ts";
import { estimateForNodes } from "./estimate.ts";
import { comparePlans } from "./plan-difference.ts";
import type { SiteConfig } from "./launch.ts";
import { readPlan } from "./plan-file.ts";
import { machineCores } from "./machine-cores.ts";
import { planMonth, type PlannedPipeline } from "./plan-month.ts";
import type { Plan } from "./plan.ts";
import { revisionBase } from "./revisions/base.ts";

/**
 * The plan of a file, made again from the archive as it is now. Of the saved one only what was measured for its estimate is kept,
 * reckoned for the nodes that are configured now: equal ids mean that the same lines would be loaded, not that they
 * stand in the same place.
 * @throws ConfigError `PLAN_UNREADABLE`; `MONTH_LOADED`; `PLAN_OUTDATED` naming every difference
 */
export async function planAgain(
  config: SiteConfig,
  file: string,
  options: { readonly pipeline: PlannedPipeline },
  signal: AbortSignal,
): Promise<Plan> {
  const saved = await readPlan(file);
  const mode = saved.again?.mode ?? "none";
  const base = await revisionBase(config, saved.months, mode);
  const again = mode === "none" ? {} : { again: { mode, base } };
  const current = await planMonth(config, saved.months, { ...options, ...again }, signal);
  if (current.id !== saved.id) {
    throw new ConfigError(
      "PLAN_OUTDATED",
      `${file} no longer fits: ${comparePlans(saved, current).join("; ")}. Plan again with \`gridharvest plan --month ${[...new Set([saved.months[0], saved.months.at(-1)])].join("..")}\``,
    );
  }
  if (!saved.estimate) return current;
  return { ...current, estimate: estimateForNodes(saved.estimate, config, machineCores(config)) };
}
