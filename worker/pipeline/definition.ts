import type { z } from "zod";
import { ConfigError } from "../contract/errors.ts";
import { nearest } from "../contract/nearest.ts";
import type { CommonOptions, FilterKind } from "../filters/filter.ts";
import { FILTERS } from "../filters/index.ts";
import { commonSchema } from "../filters/options.ts";
import { parseCondition, type Condition } from "./condition.ts";
import { YamlSource, type YamlEntry, type YamlNode } from "./yaml-source.ts";

/**
 * Reads a pipeline's YAML to a definition in which everything is checked that can be without tools (`interpret` checks the
 * rest: patterns, expressions, databases). The whole is plain data.
 */
export interface PipelineDefinition {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** What is done with an event, in order. `place` is where it is written: `file:line:column`. */
export type Step = FilterStep | Stage | Branch;

export interface FilterStep {
  readonly kind: "filter";
  readonly filter: string;
  /** What the filter's schema made of what is written. */
  readonly options: unknown;
  readonly common: CommonOptions;
  readonly place: string;
}

/** Steps under a name, which reports use. */
export interface Stage {
  readonly kind: "stage";
  readonly name: string;
  /** Absent: every event. */
  readonly condition?: Condition | undefined;
  readonly steps: readonly Step[];
  readonly place: string;
}

export interface Branch {
  readonly kind: "branch";
  readonly condition: Condition;
  readonly then: readonly Step[];
  readonly else: readonly Step[];
  readonly place: string;
}

/** More than anybody writes; anchors and aliases could make any number of them. */
const MOST_STEPS = 10_000;
const DEEPEST = 50;
/** Names that can be a part of a metric's path. */
const STAGE_NAME = /^[\w-]+$/;

/**
 * Reads the text of a pipeline.
 * @param file what messages call it
 * @throws ConfigError `PIPELINE_INVALID` with all problems at once, one a line: `file:line:column: where: problem; remedy`
 */
export function parseDefinition(
  text: string,
  file: string,
  filters: ReadonlyMap<string, FilterKind> = FILTERS,
): PipelineDefinition {
  const source = new YamlSource(text, file);
  const problems = [...source.problems];
  const definition = problems.length > 0 ? undefined : new Reader(source, filters, problems).definition(source.root);
  if (definition && problems.length === 0) return definition;
  throw new ConfigError("PIPELINE_INVALID", problems.join("\n"), { context: { file, problems: problems.length } });
}

class Reader {
  readonly #source: YamlSource;
  readonly #filters: ReadonlyMap<string, FilterKind>;
  readonly #problems: string[];
  readonly #stages = new Set<string>();
  #steps = 0;

  constructor(source: YamlSource, filters: ReadonlyMap<string, FilterKind>, problems: string[]) {
    this.#source = source;
    this.#filters = filters;
    this.#problems = problems;
  }

  definition(root: YamlNode): PipelineDefinition {
    const entries = this.#entries(root, "the pipeline", "write `name:` and `filters:`");
    this.#onlyKeys(entries, "the pipeline", ["name", "filters"]);
    const name = this.#text(root, entries, "name");
    const filters = this.#entry(root, entries, "filters");
    return { name, steps: filters ? this.#list(filters.value, "filters", 0) : [] };
  }

  #list(node: YamlNode, where: string, depth: number): readonly Step[] {
    const items = this.#source.items(node);
    if (items) return items.flatMap((item) => this.#step(item, depth) ?? []);
    if (!this.#source.isEmpty(node)) this.#problem(node, where, "is no list; begin each step below it with `- `");
    return [];
  }

  #step(node: YamlNode, depth: number): Step | undefined {
    if (++this.#steps === MOST_STEPS) this.#problem(node, "filters", `more than ${MOST_STEPS} steps; take aliases out`);
    if (depth === DEEPEST)
      this.#problem(node, "filters", `nested deeper than ${DEEPEST}; write stages one after another`);
    if (this.#steps >= MOST_STEPS || depth >= DEEPEST) return undefined;
    const entries = this.#entries(node, "a step", "write for example `- grok: { match: … }`");
    const keys = entries.map(({ key }) => key);
    if (keys.includes("stage")) return this.#stage(node, entries, depth);
    if (keys.includes("if")) return this.#branch(node, entries, depth);
    return this.#filter(node, entries);
  }

  #stage(node: YamlNode, entries: readonly YamlEntry[], depth: number): Stage {
    this.#onlyKeys(entries, "a stage", ["stage", "if", "filters"]);
    const name = this.#text(node, entries, "stage");
    const at = entries.find(({ key }) => key === "stage")!.value;
    if (name !== "" && !STAGE_NAME.test(name)) {
      this.#problem(at, `stage ${name}`, "is no name for a stage; write letters, digits, - and _");
    }
    if (this.#stages.has(name)) this.#problem(at, `stage ${name}`, "is there twice; give each stage its own name");
    this.#stages.add(name);
    const condition = entries.find(({ key }) => key === "if");
    const filters = this.#entry(node, entries, "filters");
    return {
      kind: "stage",
      name,
      condition: condition && this.#condition(condition.value),
      steps: filters ? this.#list(filters.value, "filters", depth + 1) : [],
      place: this.#source.place(node),
    };
  }

  #branch(node: YamlNode, entries: readonly YamlEntry[], depth: number): Branch | undefined {
    this.#onlyKeys(entries, "if", ["if", "then", "else"]);
    const condition = this.#condition(entries.find(({ key }) => key === "if")!.value);
    const then = this.#entry(node, entries, "then");
    const otherwise = entries.find(({ key }) => key === "else");
    const steps = {
      then: then ? this.#list(then.value, "then", depth + 1) : [],
      else: otherwise ? this.#else(otherwise.value, depth) : [],
    };
    return condition && { kind: "branch", condition, ...steps, place: this.#source.place(node) };
  }

  /** A list, or at once the next `if`. */
  #else(node: YamlNode, depth: number): readonly Step[] {
    if (!this.#source.entries(node)) return this.#list(node, "else", depth + 1);
    const step = this.#step(node, depth + 1);
    return step ? [step] : [];
  }

  #condition(node: YamlNode): Condition | undefined {
    const text = this.#source.value(node);
    if (typeof text !== "string") {
      this.#problem(node, "if", `is no text; put the condition in quotes: '[program] == "sshd"'`);
      return undefined;
    }
    try {
      return parseCondition(text);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#problems.push(`${this.#source.placeIn(node, Number(error.context.position ?? 0))}: if: ${error.message}`);
      return undefined;
    }
  }

  #filter(node: YamlNode, entries: readonly YamlEntry[]): FilterStep | undefined {
    const [first, second] = entries;
    if (!first) return undefined;
    if (second) {
      this.#problem(
        second.keyNode,
        second.key,
        "a step is one filter; begin this one with `- `, or indent it as an option",
      );
      return undefined;
    }
    const kind = this.#filters.get(first.key);
    if (!kind) {
      const known = [...this.#filters.keys()];
      this.#problem(first.keyNode, first.key, `unknown filter${suggest(first.key, known, ["stage", "if"])}`);
      return undefined;
    }
    const given = this.#source.entries(first.value);
    if (!given && !this.#source.isEmpty(first.value)) {
      this.#problem(first.value, kind.name, `has no options; write them below it: ${optionsOf(kind).join(", ")}`);
      return undefined;
    }
    return this.#configured(kind, first, given ?? []);
  }

  #configured(kind: FilterKind, step: YamlEntry, given: readonly YamlEntry[]): FilterStep | undefined {
    const own = newOptions();
    const shared = newOptions();
    for (const { key, keyNode, value } of given) {
      const refused = kind.refused && Object.hasOwn(kind.refused, key) ? kind.refused[key] : undefined;
      if (refused !== undefined) this.#problem(keyNode, `${kind.name}.${key}`, `is not taken: ${refused}`);
      else if (!optionsOf(kind).includes(key)) {
        this.#problem(keyNode, `${kind.name}.${key}`, `unknown option${suggest(key, optionsOf(kind))}`);
      } else if (Object.hasOwn(commonSchema.shape, key)) shared[key] = this.#source.value(value);
      else own[key] = this.#source.value(value);
    }
    const options = this.#checked(kind.schema, own, kind.name, step);
    const common = this.#checked(commonSchema, shared, kind.name, step);
    if (!options || !common) return undefined;
    return {
      kind: "filter",
      filter: kind.name,
      options: options.data,
      common: common.data,
      place: this.#source.place(step.keyNode),
    };
  }

  #checked<T>(schema: z.ZodType<T>, value: unknown, name: string, step: YamlEntry): { readonly data: T } | undefined {
    const parsed = schema.safeParse(value);
    if (parsed.success) return { data: parsed.data };
    for (const issue of parsed.error.issues) {
      const { node, found } = this.#source.find(step, issue.path);
      const where = [name, ...issue.path.map(String)].join(".");
      const message = issue.message.replace(/^Invalid input: /, "");
      if (!found) this.#problem(node, where, "is missing; add it");
      else if (issue.path.length === 0) this.#problem(step.keyNode, where, message);
      else
        this.#problem(node, where, this.#source.isEmpty(node) ? "has no value; write one, or take it away" : message);
    }
    return undefined;
  }

  #entries(node: YamlNode, what: string, remedy: string): readonly YamlEntry[] {
    const entries = this.#source.entries(node);
    if (!entries) this.#problem(node, what, `is no mapping; ${remedy}`);
    return entries ?? [];
  }

  #onlyKeys(entries: readonly YamlEntry[], what: string, known: readonly string[]): void {
    for (const { key, keyNode } of entries) {
      if (!known.includes(key)) this.#problem(keyNode, key, `unknown key of ${what}${suggest(key, known)}`);
    }
  }

  #entry(node: YamlNode, entries: readonly YamlEntry[], key: string): YamlEntry | undefined {
    const entry = entries.find((each) => each.key === key);
    if (!entry && entries.length > 0) this.#problem(node, key, "is missing; add it");
    return entry;
  }

  #text(node: YamlNode, entries: readonly YamlEntry[], key: string): string {
    const entry = this.#entry(node, entries, key);
    const value = entry && this.#source.value(entry.value);
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "number") return String(value);
    if (entry) this.#problem(entry.value, key, "is no text; write a name");
    return "";
  }

  #problem(node: YamlNode, where: string, problem: string): void {
    this.#problems.push(`${this.#source.place(node)}: ${where}: ${problem}`);
  }
}

function newOptions(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

function optionsOf(kind: FilterKind): readonly string[] {
  return [...Object.keys(kind.schema.shape), ...Object.keys(commonSchema.shape)];
}

/** The name that was meant, or all that are known. `also` are names that may have been meant but are no filters. */
function suggest(word: string, known: readonly string[], also: readonly string[] = []): string {
  const meant = nearest(word, [...known, ...also]);
  return meant === undefined ? `; known: ${[...known].sort().join(", ")}` : `; did you mean ${meant}?`;
}
