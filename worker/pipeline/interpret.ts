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
    const trace: Trace = { stages: [], failures: 0 };
    return { verdict: run(event, line, trace), stages: trace.stages };
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
        return (event, line, trace) => (test(event) ? then : otherwise)(event, line, trace);
      }
      case "stage": {
        const test = step.condition ? this.#condition(step.condition, step.place) : () => true;
        const steps = this.sequence(step.steps);
        return (event, line, trace) => {
          if (!test(event)) return undefined;
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
    return (event, line, trace) => {
      const result = filter!.apply(event, line);
      this.#watch?.filter(step, result);
      if (typeof result === "object") return result;
      if (result === "matched") decorate(common, event);
      else if (result === "failed") trace.failures++;
      return undefined;
    };
  }

  #condition(condition: Parameters<typeof prepareCondition>[0], place: string): ConditionTest {
    let overBudget = false;
    const test = this.#made(place, "if", () =>
      prepareCondition(condition, (source) => {
        const regex = this.#tools.regex.compile(source);
        return (text) => {
          const match = regex.exec(text, 0);
          overBudget ||= match === "over-budget";
          return match !== undefined && match !== "over-budget";
        };
      }),
    );
    return (event) => {
      overBudget = false;
      const holds = test!(event);
      if (overBudget) event.tag(CONDITION_OVER_BUDGET);
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

function runStage(name: string, steps: RunStep, event: LogEvent, line: LineContext, trace: Trace): Verdict {
  const stage = { name, failed: false };
  trace.stages.push(stage);
  const before = trace.failures;
  const verdict = steps(event, line, trace);
  stage.failed = trace.failures > before;
  return verdict;
}
