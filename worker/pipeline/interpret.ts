import { ConfigError } from "../contract/errors.ts";
import { decorate } from "../filters/decorate.ts";
import type { Filter, FilterKind, FilterResult, FilterTools, LineContext, Verdict } from "../filters/filter.ts";
import { FILTERS } from "../filters/index.ts";
import type { FilterStep, PipelineDefinition, Step } from "./definition.ts";
import { prepareCondition, type ConditionTest } from "./evaluate-condition.ts";
import type { LogEvent } from "./event.ts";

/**
 * Runs a definition as plainly as it can be: step by step on an event. It is what the compiled pipeline must equal, and is
 * not used otherwise.
 */

/** The tag of an event for which a condition's regular expression was given up; it then counts as no match. */
export const CONDITION_OVER_BUDGET = "_condition_over_budget";

/** What a pipeline did with one event. */
export interface Run {
  /** Undefined: the event, as it now is, is to be written. */
  readonly verdict: Verdict;
  /** The stages that it went through, in the order in which it entered them. */
  readonly stages: readonly StageRun[];
  /** Regular expressions that were given up, each once; absent when there is none. */
  readonly overBudget?: readonly GivenUp[] | undefined;
}

/** A regular expression whose budget did not do for an event. */
export interface GivenUp {
  /** As the definition has it. */
  readonly pattern: string;
  /** `file:line:column` of the filter or condition. */
  readonly place: string;
}

export interface StageRun {
  readonly name: string;
  /** Whether a filter in it failed, in a stage inside it too. */
  readonly failed: boolean;
}

/** What steps leave behind on their way. */
interface Trace {
  readonly stages: { name: string; failed: boolean }[];
  /** How many filters have failed so far. */
  failures: number;
  overBudget: GivenUp[] | undefined;
}

/** Somebody who wants to be told of each step, in order. */
export interface Watch {
  enter(stage: string): void;
  leave(): void;
  /** A filter is through. */
  filter(step: FilterStep, result: FilterResult): void;
}

type RunStep = (event: LogEvent, line: LineContext, trace: Trace) => Verdict;

/**
 * Makes a definition ready to run.
 * @throws ConfigError `PIPELINE_INVALID` with all that the tools refuse, one a line: `file:line:column: filter: problem`
 */
export function interpret(
  definition: PipelineDefinition,
  tools: FilterTools,
  filters: ReadonlyMap<string, FilterKind> = FILTERS,
  watch?: Watch,
): (event: LogEvent, line: LineContext) => Run {
  const builder = new Builder(tools, filters, watch);
  const run = builder.sequence(definition.steps);
  if (builder.problems.length > 0) {
    throw new ConfigError("PIPELINE_INVALID", builder.problems.join("\n"), {
      context: { pipeline: definition.name, problems: builder.problems.length },
    });
  }
  return (event, line) => {
    const trace: Trace = { stages: [], failures: 0, overBudget: undefined };
    const verdict = run(event, line, trace);
    return { verdict, stages: trace.stages, overBudget: trace.overBudget };
  };
}

class Builder {
  readonly problems: string[] = [];
  readonly #tools: FilterTools;
  readonly #filters: ReadonlyMap<string, FilterKind>;
  readonly #watch: Watch | undefined;

  constructor(tools: FilterTools, filters: ReadonlyMap<string, FilterKind>, watch: Watch | undefined) {
    this.#tools = tools;
    this.#filters = filters;
    this.#watch = watch;
  }

  sequence(steps: readonly Step[]): RunStep {
    const runs = steps.map((step) => this.#step(step));
    return (event, line, trace) => {
      for (const run of runs) {
        const verdict = run(event, line, trace);
        if (verdict) return verdict;
      }
      return undefined;
    };
  }

  #step(step: Step): RunStep {
    switch (step.kind) {
      case "filter":
        return this.#filter(step);
      case "branch": {
        const test = this.#condition(step.condition, step.place);
        const then = this.sequence(step.then);
        const otherwise = this.sequence(step.else);
        return (event, line, trace) => (test(event, trace) ? then : otherwise)(event, line, trace);
      }
      case "stage": {
        const test = step.condition ? this.#condition(step.condition, step.place) : () => true;
        const steps = this.sequence(step.steps);
        return (event, line, trace) => {
          if (!test(event, trace)) return undefined;
          this.#watch?.enter(step.name);
          const verdict = runStage(step.name, steps, event, line, trace);
          this.#watch?.leave();
          return verdict;
        };
      }
    }
  }

  #filter(step: FilterStep): RunStep {
    const { filter: name, options, common, place } = step;
    const kind = this.#filters.get(name)!;
    const filter = this.#made(place, name, () => kind.create(options, this.#tools));
    const counts = isFailure(options);
    return (event, line, trace) => {
      const result = filter!.apply(event, line);
      this.#watch?.filter(step, result);
      if (result === "matched") decorate(common, event);
      else if (result === "failed") trace.failures += counts;
      else if (typeof result === "object") {
        if ("drop" in result) return result;
        trace.failures++;
        giveUp(trace, result.overBudget, place);
      }
      return undefined;
    };
  }

  #condition(
    condition: Parameters<typeof prepareCondition>[0],
    place: string,
  ): (event: LogEvent, trace: Trace) => boolean {
    let overBudget: string | undefined;
    const test = this.#made(place, "if", () =>
      prepareCondition(condition, (source) => {
        const regex = this.#tools.regex.compile(source);
        return (text) => {
          const match = regex.exec(text, 0);
          if (match === "over-budget") overBudget = source;
          return match !== undefined && match !== "over-budget";
        };
      }),
    );
    return (event, trace) => {
      overBudget = undefined;
      const holds = test!(event);
      if (overBudget !== undefined) {
        event.tag(CONDITION_OVER_BUDGET);
        giveUp(trace, overBudget, place);
      }
      return holds;
    };
  }

  /** What `make` makes; its complaint is kept, so that all of them are said at once, and nothing is ever run. */
  #made<T extends Filter | ConditionTest>(place: string, name: string, make: () => T): T | undefined {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.problems.push(`${place}: ${name}: ${error.message}`);
      return undefined;
    }
  }
}

/**
 * What a filter's failure counts: nothing where it has no tag, since then it is a question, not a task. So does a pipeline try several
 * filters one after the other, of which the last has the tag.
 */
export function isFailure(options: unknown): 0 | 1 {
  const { tag_on_failure: tags } = options as { readonly tag_on_failure?: readonly string[] };
  return tags?.length === 0 ? 0 : 1;
}

function giveUp(trace: Trace, pattern: string, place: string): void {
  trace.overBudget ??= [];
  if (trace.overBudget.some((one) => one.pattern === pattern && one.place === place)) return;
  trace.overBudget.push({ pattern, place });
}

function runStage(name: string, steps: RunStep, event: LogEvent, line: LineContext, trace: Trace): Verdict {
  const stage = { name, failed: false };
  trace.stages.push(stage);
  const before = trace.failures;
  const verdict = steps(event, line, trace);
  stage.failed = trace.failures > before;
  return verdict;
}
