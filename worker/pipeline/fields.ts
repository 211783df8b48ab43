import type { FieldType, RuleField, Rules } from "../contract/rules.ts";
import type { GrokOptions } from "../filters/filter.ts";
import { bankOf, mergeBanks, type Bank } from "../grok/bank.ts";
import type { CaptureType } from "../grok/capture-type.ts";
import { parseExpression } from "../grok/expression.ts";
import { parseDefinition, type Step } from "./definition.ts";
import { tryFieldPath, type FieldPath } from "./event.ts";
import { bankOfRules } from "./rules.ts";
import { constantOf } from "./sprintf.ts";

/**
 * The fields that pipelines can write and of which it is known what they hold: captures, and fields that are added. One that holds different
 * things is a text. What filters make of a line's own keys (kv, json) is not known.
 * @throws ConfigError for pipelines and patterns that cannot be used
 */
export function fieldsOfRules(rules: Rules): readonly RuleField[] {
  const bank = bankOfRules(rules);
  const found = new Map<string, RuleField>();
  const unknown: FieldPath[] = [];
  for (const { file, text } of rules.pipelines) {
    const { steps } = parseDefinition(text, file);
    unknown.push(...targetsOf(steps));
    for (const { path, type } of fieldsOfSteps(steps, bank)) {
      const key = JSON.stringify(path);
      const known = found.get(key);
      found.set(key, { path: [...path], type: known && known.type !== type ? "text" : type });
    }
  }
  const fields = [...found.values()];
  // A place cannot be a value and hold others; where a line's own keys go, either may stand.
  return fields.filter(
    ({ path }) =>
      !fields.some((other) => isBelow(other.path, path)) &&
      !unknown.some((target) => isBelow(path, target) || isBelow(target, path) || isSame(path, target)),
  );
}

/** Where filters put what they make of a line's own keys. */
function* targetsOf(steps: readonly Step[]): Generator<FieldPath> {
  for (const step of steps) {
    if (step.kind === "stage") yield* targetsOf(step.steps);
    else if (step.kind === "branch") yield* targetsOf([...step.then, ...step.else]);
    else if (step.filter === "kv" || step.filter === "json") {
      const { target } = step.options as { readonly target?: FieldPath | undefined };
      // Without one they may be any field.
      yield target ?? [];
    }
  }
}

function isSame(a: FieldPath, b: FieldPath): boolean {
  return a.length === b.length && isBelow([...a, ""], b);
}

function isBelow(path: FieldPath, above: FieldPath): boolean {
  return path.length > above.length && above.every((part, i) => part === path[i]);
}

function* fieldsOfSteps(steps: readonly Step[], bank: Bank): Generator<{ path: FieldPath; type: FieldType }> {
  for (const step of steps) {
    if (step.kind === "stage") yield* fieldsOfSteps(step.steps, bank);
    else if (step.kind === "branch") {
      yield* fieldsOfSteps(step.then, bank);
      yield* fieldsOfSteps(step.else, bank);
    } else {
      if (step.filter === "grok") yield* fieldsOfGrok(step.options as GrokOptions, bank);
      for (const [field] of step.common.add_field) {
        const name = constantOf(field);
        const path = name === undefined ? undefined : tryFieldPath(name);
        if (path) yield { path, type: "text" };
      }
    }
  }
}

function* fieldsOfGrok(options: GrokOptions, bank: Bank): Generator<{ path: FieldPath; type: FieldType }> {
  const known = mergeBanks(bank, bankOf(Object.fromEntries(options.pattern_definitions), "pattern_definitions"));
  for (const pattern of options.match.flatMap(([, patterns]) => patterns)) {
    for (const { path, type } of parseExpression(pattern, known, options.named_captures_only).captures) {
      if (path[0] !== "@metadata") yield { path: [...(options.target ?? []), ...path], type: TYPES[type] };
    }
  }
}

const TYPES: Readonly<Record<CaptureType, FieldType>> = {
  string: "text",
  int: "whole",
  long: "whole",
  float: "fraction",
  double: "fraction",
  boolean: "boolean",
  ip: "address",
};
