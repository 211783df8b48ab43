import type { Pipeline } from "../worker/contract/pipeline.ts";
import type { RuleField, Rules } from "../worker/contract/rules.ts";
import { ConfigError } from "../worker/contract/errors.ts";
import { addMonths, isYearMonth, type YearMonth } from "../worker/contract/months.ts";
import type { Config } from "./config-schema.ts";
import { documentsByService, estimate, type MeasuredIndex } from "./estimate.ts";
import { listArchive } from "./inventory.ts";
import { machineCores } from "./machine-cores.ts";
import { lastCosts, sampleParser } from "./measure.ts";
import { makePlan, toLoad, type Plan } from "./plan.ts";
import type { AgainMode } from "./revisions/again.ts";
import type { RevisionBase } from "./revisions/base.ts";
import { planRevision } from "./revisions/choose.ts";

/** Most months of one campaign. */
const MOST_MONTHS = 36;

/**
 * The months of `2013-01` or `2013-01..2013-03`, in order.
 * @throws ConfigError `MONTH_INVALID` with what to write instead
 */
export function parseMonths(text: string): readonly YearMonth[] {
  const refuse = (problem: string): ConfigError =>
    new ConfigError("MONTH_INVALID", `--month ${JSON.stringify(text)}: ${problem}`, { context: { month: text } });
  const parts = text.split("..");
  const [first = "", last = first] = parts;
  if (parts.length > 2) throw refuse("write one month, 2013-01, or a range, 2013-01..2013-03");
  for (const month of [first, last]) {
    if (!isYearMonth(month))
      throw refuse(`${JSON.stringify(month)} is not a month; write year and month as in 2013-01`);
  }
  if (last < first) throw refuse(`the range ends before it begins; write ${last}..${first}`);
  const months: YearMonth[] = [];
  for (let month = first; month <= last; month = addMonths(month, 1)) {
    if (months.length === MOST_MONTHS) throw refuse(`more than ${MOST_MONTHS} months; plan them in several campaigns`);
    months.push(month);
  }
  return months;
}

/** What a plan says of its pipeline. */
export interface PlannedPipeline {
  readonly hash: string;
  readonly rules: Rules;
  /** Fields that it writes, for the indices' mapping. */
  readonly fields: readonly RuleField[];
}

/** The loads that a plan goes on from, and what it loads again. */
export interface Onto {
  readonly mode: AgainMode;
  readonly base: RevisionBase;
}

/** How a plan is estimated. */
export interface Measuring {
  /** The pipeline to measure on a sample of the archive. */
  readonly pipeline: Pipeline;
  /** Where finished campaigns left their reports. */
  readonly stateDir: string;
  /** Measures what documents take in the index; absent: what campaigns before have shown counts. */
  readonly index?: (plan: Plan, planned: ReadonlyMap<string, number>) => Promise<MeasuredIndex | undefined>;
}

/**
 * Lists the archive and plans the months. Submits nothing, writes nothing.
 *
 * @param options.pipeline pinned in the plan
 * @param options.measure absent: the plan has no estimate, and no file is read beyond its head
 * @param options.again absent: what was loaded before does not matter
 * @throws ConfigError `ARCHIVE_MISSING`, `ARCHIVE_EMPTY`, `ARCHIVE_CLASH`, `SEVEN_ZIP_MISSING`, `REVISION_DIFFERS`
 */
export async function planMonth(
  config: Config,
  months: readonly YearMonth[],
  options: { readonly pipeline: PlannedPipeline; readonly measure?: Measuring; readonly again?: Onto },
  signal: AbortSignal,
): Promise<Plan> {
  const { again } = options;
  const inventory = await listArchive(config.archive, months, signal);
  const whole = makePlan(
    inventory,
    {
      pipeline: options.pipeline.hash,
      timeZone: config.archive.timeZone,
      hostZones: config.archive.hostZones,
      indexPattern: config.plan.indexPattern,
      revision: again?.base.revision ?? config.plan.revision,
      chunkBytes: config.plan.chunkBytes,
      repeated: config.plan.repeated,
      ids: config.plan.ids,
    },
    options.pipeline,
  );
  const plan = again?.base.earlier ? planRevision(whole, again.base.earlier, again.mode) : whole;
  if (!options.measure) return plan;
  const sample = await sampleParser(toLoad(plan), options.measure.pipeline, signal);
  const known = await lastCosts(options.measure.stateDir);
  const loaded = toLoad(plan);
  const measured = await options.measure.index?.(loaded, documentsByService(loaded, sample, known));
  const made = estimate(loaded, config, sample, known, machineCores(config), measured);
  return { ...plan, estimate: { ...made, indexBytes: made.indexBytes + (plan.again?.indexBytes ?? 0) } };
}
