import { captureRules } from "../grok/compiler.ts";
import { ATTEMPT_FIELD } from "../contract/ids.ts";
import type { GrokExpression } from "../grok/expression.ts";
import type { CaptureType } from "../grok/capture-type.ts";
import type { CommonOptions, GrokOptions } from "../filters/filter.ts";
import type { DropOptions } from "../filters/drop.ts";
import type { TagsOptions } from "../filters/tags.ts";
import { certainGroups, type Regex } from "../regex/syntax.ts";
import type { Condition, List, Scalar } from "./condition.ts";
import type { PipelineDefinition, Step } from "./definition.ts";
import { prepareCondition, type CompileRegex } from "./evaluate-condition.ts";
import { isFailure } from "./interpret.ts";
import { LogEvent, showFieldPath, tryFieldPath, type FieldPath, type Json } from "./event.ts";
import { constantOf, type Template } from "./sprintf.ts";

/**
 * Runs a pipeline on a line of which only some fields are known (program, service), and leaves as a tree what depends on the
 * line: which expressions to try, and for each way through them what goes into the document. Whatever cannot be told like
 * this is left to the plain pipeline, which does the whole line then: `plain`.
 */

export type Tree =
  | { readonly kind: "document"; readonly writes: readonly Write[]; readonly stages: readonly StageOutcome[] }
  | { readonly kind: "drop"; readonly reason: string; readonly stages: readonly StageOutcome[] }
  /** Looks for the expression in the message. */
  | { readonly kind: "match"; readonly attempt: Attempt; readonly then: Tree; readonly otherwise: Tree }
  /** Whether the expression is found in the message; what it captures is nothing to anybody. */
  | { readonly kind: "test"; readonly regex: Regex; readonly then: Tree; readonly otherwise: Tree }
  /** Whether the capture holds something; a text that counts as false is left to the plain pipeline. */
  | { readonly kind: "present"; readonly capture: CaptureValue; readonly then: Tree; readonly otherwise: Tree }
  | { readonly kind: "plain" };

export interface Attempt {
  readonly expression: GrokExpression;
  /** How many matches it lies in: captures of those still count. */
  readonly depth: number;
}

/** A field of the document, behind those of the header, in order. */
export interface Write {
  readonly path: FieldPath;
  readonly value: WrittenValue;
}

export type WrittenValue = { readonly kind: "constant"; readonly value: Json } | CaptureValue;

/** Absent when the group took no part or holds nothing. */
export interface CaptureValue {
  readonly kind: "capture";
  readonly depth: number;
  readonly group: number;
  readonly type: CaptureType;
  /** Whether every match has it, with a character at least. */
  readonly certain: boolean;
}

export interface StageOutcome {
  readonly name: string;
  readonly failed: boolean;
}

/** What is known before a line is read. */
export interface Known {
  /** Fields of the header with the values that they have; `null`: the line has none. */
  readonly fields: Readonly<Record<string, string | null>>;
}

/** Steps on all ways through a pipeline together, of which more are too much to follow, and attempts, of which more are too much code. */
const MOST_STEPS = 200_000;
const MOST_ATTEMPTS = 4000;

/** Fields that the header may bring. */
const HEADER_FIELDS = new Set([
  "@timestamp",
  "host",
  "program",
  "pid",
  "message",
  "file",
  "offset",
  "service",
  "collector",
  "pri",
  "repeated",
  "unparsed",
  "length",
  "raw",
]);
const MESSAGE = "message";
const TAGS = "tags";

/** What is made once for all programs. */
export interface SpecialiseTools {
  /** @throws ConfigError for patterns that do not compile; whoever calls has had them compiled before */
  readonly parseExpression: (pattern: string, options: GrokOptions) => GrokExpression;
  readonly parseRegex: (source: string) => Regex;
  readonly compileRegex: CompileRegex;
}

export function specialise(definition: PipelineDefinition, known: Known, tools: SpecialiseTools): Tree {
  return new Specialiser(known, tools).run(definition);
}

/** What is done next, as a list that ends. */
type Rest = { readonly step: Step | LeaveStage; readonly rest: Rest } | undefined;
interface LeaveStage {
  readonly kind: "leave-stage";
  readonly stage: number;
  readonly failuresBefore: number;
}

/** What has been done on one way. */
interface State {
  readonly writes: readonly Write[];
  readonly stages: readonly StageOutcome[];
  readonly failures: number;
  readonly depth: number;
}

const PLAIN: Tree = { kind: "plain" };

class Specialiser {
  readonly #known: Known;
  readonly #tools: SpecialiseTools;
  #steps = 0;
  #attempts = 0;

  constructor(known: Known, tools: SpecialiseTools) {
    this.#known = known;
    this.#tools = tools;
  }

  run({ steps }: PipelineDefinition): Tree {
    const tree = this.#go(before(steps, undefined), { writes: [], stages: [], failures: 0, depth: 0 });
    return this.#isTooMuch() ? PLAIN : tree;
  }

  #isTooMuch(): boolean {
    return this.#steps > MOST_STEPS || this.#attempts > MOST_ATTEMPTS;
  }

  #go(rest: Rest, state: State): Tree {
    this.#steps++;
    if (this.#isTooMuch()) return PLAIN;
    if (!rest) return { kind: "document", writes: state.writes, stages: state.stages };
    const { step } = rest;
    switch (step.kind) {
      case "leave-stage": {
        const stages = state.stages.with(step.stage, {
          name: state.stages[step.stage]!.name,
          failed: state.failures > step.failuresBefore,
        });
        return this.#go(rest.rest, { ...state, stages });
      }
      case "stage": {
        const leave: LeaveStage = {
          kind: "leave-stage",
          stage: state.stages.length,
          failuresBefore: state.failures,
        };
        const stages = [...state.stages, { name: step.name, failed: false }];
        const enter: Way = (now) => this.#go(before(step.steps, { step: leave, rest: rest.rest }), { ...now, stages });
        const pass: Way = (now) => this.#go(rest.rest, now);
        return step.condition ? this.#branch(step.condition, state, enter, pass) : enter(state);
      }
      case "branch": {
        const go =
          (steps: readonly Step[]): Way =>
          (now) =>
            this.#go(before(steps, rest.rest), now);
        return this.#branch(step.condition, state, go(step.then), go(step.else));
      }
      case "filter":
        return this.#filter(step, rest.rest, state);
    }
  }

  #filter(step: Step & { kind: "filter" }, rest: Rest, state: State): Tree {
    switch (step.filter) {
      case "drop":
        return { kind: "drop", reason: (step.options as DropOptions).reason, stages: closed(state) };
      case "tags": {
        const { add, remove } = step.options as TagsOptions;
        const next = remove.length > 0 ? undefined : tagged(state, add);
        return next ? this.#matched(step.common, rest, next) : PLAIN;
      }
      case "mutate":
        // One that changes nothing is there for what all filters can do.
        if (!isEmpty(step.options, "tag_on_failure")) return PLAIN;
        return this.#matched(step.common, rest, state);
      case "grok":
        return this.#grok(step.options as GrokOptions, step.common, rest, state);
      default:
        return PLAIN;
    }
  }

  #grok(options: GrokOptions, common: CommonOptions, rest: Rest, state: State): Tree {
    // A field that no such line has is not looked at.
    const matches = options.match.filter(([field]) => this.#valueOf(field, state) !== undefined);
    const [match] = matches;
    if (!match || matches.length > 1 || !options.break_on_match) return PLAIN;
    const [field, patterns] = match;
    if (showFieldPath(field) !== MESSAGE || options.keep_empty_captures) return PLAIN;
    const failed = this.#failed(options, rest, state);
    return patterns.reduceRight((otherwise: Tree, pattern) => {
      this.#attempts++;
      const expression = this.#tools.parseExpression(pattern, options);
      const captured = captures(state, expression, options);
      const then = captured ? this.#matched(common, rest, captured) : PLAIN;
      return { kind: "match", attempt: { expression, depth: state.depth }, then, otherwise };
    }, failed);
  }

  #failed({ tag_on_failure }: GrokOptions, rest: Rest, state: State): Tree {
    const next = tagged(
      { ...state, failures: state.failures + isFailure({ tag_on_failure }) },
      tag_on_failure.map((tag) => [tag]),
    );
    return next ? this.#go(rest, next) : PLAIN;
  }

  /** What a filter that has matched does besides. */
  #matched(common: CommonOptions, rest: Rest, state: State): Tree {
    let next: State | undefined = state;
    if (common.remove_field.length > 0 || common.remove_tag.length > 0) return PLAIN;
    for (const [field, values] of common.add_field) {
      const name = constantOf(field);
      const path = name === undefined ? undefined : tryFieldPath(name);
      const [value] = values;
      const constant = value && values.length === 1 ? constantOf(value) : undefined;
      if (!path || constant === undefined || !next) return PLAIN;
      next = withWrite(next, { path, value: { kind: "constant", value: constant } });
    }
    next = next && tagged(next, common.add_tag);
    return next ? this.#go(rest, next) : PLAIN;
  }

  /** One way or the other: at once when that is known, else as the message tells. */
  #branch(condition: Condition, state: State, then: Way, otherwise: Way): Tree {
    const known = this.#holds(condition, state);
    if (known !== "unknown") return known ? then(state) : otherwise(state);
    switch (condition.kind) {
      case "not":
        return this.#branch(condition.operand, state, otherwise, then);
      case "and": {
        const no = once(otherwise);
        return this.#branch(condition.left, state, (s) => this.#branch(condition.right, s, then, no), no);
      }
      case "or": {
        const yes = once(then);
        return this.#branch(condition.left, state, yes, (s) => this.#branch(condition.right, s, yes, otherwise));
      }
      case "truthy":
        return this.#present(condition.field, state, then, otherwise);
      case "match": {
        const { left, pattern } = condition;
        if (left.kind !== "field" || showFieldPath(left.path) !== MESSAGE) return PLAIN;
        return { kind: "test", regex: this.#tools.parseRegex(pattern), then: then(state), otherwise: otherwise(state) };
      }
      default:
        return PLAIN;
    }
  }

  /** Whether the only capture of a field holds something. */
  #present(field: FieldPath, state: State, then: Way, otherwise: Way): Tree {
    const captures = state.writes.filter(({ path }) => overlaps(path, field));
    const [only] = captures;
    if (!only || captures.length > 1 || only.path.length !== field.length || only.value.kind !== "capture")
      return PLAIN;
    const capture = only.value;
    const at = state.writes.indexOf(only);
    const certain: Write = { ...only, value: { ...capture, certain: true } };
    return {
      kind: "present",
      capture,
      then: then({ ...state, writes: state.writes.with(at, certain) }),
      otherwise: otherwise({ ...state, writes: state.writes.toSpliced(at, 1) }),
    };
  }

  /** Whether a condition holds, when all that it asks for is known. */
  #holds(condition: Condition, state: State): boolean | "unknown" {
    if (condition.kind === "truthy" && isObject(condition.field, state)) return true;
    if (condition.kind === "not") {
      const operand = this.#holds(condition.operand, state);
      return operand === "unknown" ? operand : !operand;
    }
    if (condition.kind === "and" || condition.kind === "or") {
      const sides = [this.#holds(condition.left, state), this.#holds(condition.right, state)];
      const decides = condition.kind === "or";
      if (sides.includes(decides)) return decides;
      return sides.includes("unknown") ? "unknown" : !decides;
    }
    const event = new LogEvent();
    for (const path of fieldsOf(condition)) {
      const value = this.#valueOf(path, state);
      if (value === "unknown") return "unknown";
      if (value !== undefined) event.set(path, value.constant);
    }
    return prepareCondition(condition, this.#tools.compileRegex)(event);
  }

  #valueOf(path: FieldPath, { writes }: State): { readonly constant: Json } | undefined | "unknown" {
    const [top] = path;
    if (top === undefined || top === "@metadata") return "unknown";
    const there = writes.filter((write) => overlaps(write.path, path));
    if (there.length > 0) {
      const [only] = there;
      const same = only && there.length === 1 && only.path.length === path.length;
      return same && only.value.kind === "constant" ? { constant: only.value.value } : "unknown";
    }
    if (!HEADER_FIELDS.has(top)) return undefined;
    const value = Object.hasOwn(this.#known.fields, top) ? this.#known.fields[top] : "unknown";
    if (value === "unknown" || path.length > 1) return "unknown";
    return value === null || value === undefined ? undefined : { constant: value };
  }
}

/** Whether something is certain to stand below the path. */
function isObject(path: FieldPath, { writes }: State): boolean {
  return writes.some(
    (write) =>
      write.path.length > path.length &&
      overlaps(write.path, path) &&
      (write.value.kind === "constant" || write.value.certain),
  );
}

/** How it goes on from a state. */
type Way = (state: State) => Tree;

/** Two ways that come together again in one state are one tree. */
function once(make: Way): Way {
  const made = new Map<State, Tree>();
  return (state) => {
    let tree = made.get(state);
    if (!tree) made.set(state, (tree = make(state)));
    return tree;
  };
}

/** Options of which none is set but one. */
function isEmpty(options: unknown, but: string): boolean {
  return Object.entries(options as object).every(
    ([name, value]) => name === but || value === undefined || (Array.isArray(value) && value.length === 0),
  );
}

function before(steps: readonly Step[], rest: Rest): Rest {
  return steps.reduceRight((tail: Rest, step) => ({ step, rest: tail }), rest);
}

/** A drop ends the stages that it lies in; they count as they stand. */
function closed({ stages }: State): readonly StageOutcome[] {
  return stages;
}

/** The state with more tags, or undefined when that takes more than is known. */
function tagged(state: State, templates: readonly Template[]): State | undefined {
  let { writes } = state;
  for (const template of templates) {
    const tag = constantOf(template);
    if (tag === undefined) return undefined;
    const at = writes.findIndex(({ path }) => path[0] === TAGS);
    const there = at < 0 ? undefined : writes[at]!.value;
    if (there === undefined) {
      writes = [...writes, { path: [TAGS], value: { kind: "constant", value: [tag] } }];
    } else if (there.kind === "constant" && Array.isArray(there.value)) {
      if (there.value.includes(tag)) continue;
      writes = writes.with(at, { path: [TAGS], value: { kind: "constant", value: [...there.value, tag] } });
    } else return undefined;
  }
  return { ...state, writes };
}

/** The state behind a match, or undefined when what is captured meets what is there. */
function captures(state: State, { captures: all, regex }: GrokExpression, options: GrokOptions): State | undefined {
  const { target, overwrites } = captureRules(options);
  let next: State | undefined = { ...state, depth: state.depth + 1 };
  const certain = certainGroups(regex);
  for (const { path, type, groups } of all) {
    if (overwrites(path)) return undefined;
    for (const group of groups) {
      const write: Write = {
        path: [...target, ...path],
        value: {
          kind: "capture",
          depth: state.depth,
          group,
          type,
          certain: certain.has(group) && groups.length === 1 && type !== "ip",
        },
      };
      next = next && withWrite(next, write);
    }
  }
  return next;
}

/** A field more, unless it meets one that is there for certain, or has one below it. */
function withWrite(state: State, write: Write): State | undefined {
  const [top] = write.path;
  if (top === undefined || HEADER_FIELDS.has(top) || top === TAGS || top === "@metadata") return undefined;
  // Where documents carry a tag there, it is not the line's to say.
  if (top === ATTEMPT_FIELD) return undefined;
  // Objects of JavaScript put names that are numbers first.
  if (write.path.some((part) => /^\d+$/.test(part))) return undefined;
  for (const there of state.writes) {
    if (!overlaps(there.path, write.path)) continue;
    // Two captures of one field may exclude each other: the code that is made looks.
    const same = there.path.length === write.path.length;
    if (!same || there.value.kind === "constant" || write.value.kind === "constant") return undefined;
  }
  return { ...state, writes: [...state.writes, write] };
}

/** Whether one path is the other, or lies on its way. */
function overlaps(a: FieldPath, b: FieldPath): boolean {
  const length = Math.min(a.length, b.length);
  return a.slice(0, length).every((part, i) => part === b[i]);
}

function fieldsOf(condition: Condition): readonly FieldPath[] {
  const ofScalar = (scalar: Scalar | List): readonly FieldPath[] => (scalar.kind === "field" ? [scalar.path] : []);
  switch (condition.kind) {
    case "truthy":
      return [condition.field];
    case "not":
      return fieldsOf(condition.operand);
    case "and":
    case "or":
    case "xor":
    case "nand":
      return [...fieldsOf(condition.left), ...fieldsOf(condition.right)];
    case "compare":
    case "in":
      return [...ofScalar(condition.left), ...ofScalar(condition.right)];
    case "match":
      return ofScalar(condition.left);
  }
}
