import type { DangerousPattern } from "../contract/rules.ts";
import { bankOf, mergeBanks, type Bank } from "../grok/bank.ts";
import { parseExpression } from "../grok/expression.ts";
import type { MutateOptions } from "../filters/mutate.ts";
import { dangerOf } from "../regex/danger.ts";
import { parseRegex } from "../regex/parse.ts";
import type { Regex } from "../regex/syntax.ts";
import type { Condition } from "./condition.ts";
import type { Step } from "./definition.ts";
import { grokFilters } from "./patterns-used.ts";

/**
 * The expressions of an operator's pipelines on which a short line makes matching give up, each once. Such a line is kept and tagged, but it
 * costs as much as thousands of others.
 * @param isOwn tells by its place whether a definition is the operator's: in others nobody looks for dangers here, which takes seconds for some
 *   of the standard ones
 */
export function dangersOf(
  steps: readonly Step[],
  bank: Bank,
  isOwn: (where: string) => boolean,
): readonly DangerousPattern[] {
  const found = new Map<string, DangerousPattern | undefined>();
  const look = (place: string, pattern: string, known: Bank, read: () => Regex, own = isOwn): void => {
    if (!found.has(pattern)) found.set(pattern, dangerousPattern(pattern, read(), known, own, place));
  };
  for (const { options, place } of grokFilters(steps)) {
    const here = `${place} (pattern_definitions)`;
    const known = mergeBanks(bank, bankOf(Object.fromEntries(options.pattern_definitions), here));
    for (const pattern of options.match.flatMap(([, patterns]) => patterns)) {
      const read = (): Regex => parseExpression(pattern, known, options.named_captures_only).regex;
      look(place, pattern, known, read, (where) => where === here || isOwn(where));
    }
  }
  for (const { source, place } of plainExpressions(steps)) look(place, source, new Map(), () => parseRegex(source));
  return [...found.values()].filter((danger) => danger !== undefined);
}

/** The same of grok expressions alone. @param own the operator's pattern files */
export function dangersOfExpressions(
  expressions: readonly string[],
  bank: Bank,
  own: readonly { readonly name: string }[],
): readonly DangerousPattern[] {
  const names = new Set(own.map(({ name }) => name));
  const isOwn = (where: string): boolean => names.has(where.replace(/:\d+$/, ""));
  return [...new Set(expressions)].flatMap(
    (source) => dangerousPattern(source, parseExpression(source, bank).regex, bank, isOwn) ?? [],
  );
}

/** What is dangerous in an expression: in its own text, or in a definition that is the operator's. */
export function dangerousPattern(
  pattern: string,
  regex: Regex,
  bank: Bank,
  isOwn: (where: string) => boolean,
  place?: string,
): DangerousPattern | undefined {
  const definitionOf = (element: string) => bank.get(/^%\{([A-Za-z0-9_]+)/.exec(element)?.[1] ?? "");
  const danger = dangerOf(regex, (element) => {
    const definition = definitionOf(element);
    // One that is defined in its place is in nobody's bank.
    return !definition || isOwn(definition.where);
  });
  if (!danger) return undefined;
  const { element, prefix, pump, times, suffix } = danger;
  const definedIn = element === undefined ? undefined : definitionOf(element)?.where;
  return {
    ...(place === undefined ? {} : { place }),
    pattern,
    ...(element === undefined ? {} : { element }),
    ...(definedIn === undefined ? {} : { definedIn }),
    prefix,
    pump,
    times,
    suffix,
  };
}

/** Regular expressions that are no grok: those of conditions and of gsub. */
function* plainExpressions(steps: readonly Step[]): Generator<{ readonly source: string; readonly place: string }> {
  for (const step of steps) {
    const { place } = step;
    if (step.kind === "filter") {
      if (step.filter !== "mutate") continue;
      for (const { pattern: source } of (step.options as MutateOptions).gsub) yield { source, place };
      continue;
    }
    if (step.condition) for (const source of expressionsIn(step.condition)) yield { source, place };
    yield* plainExpressions(step.kind === "stage" ? step.steps : [...step.then, ...step.else]);
  }
}

function expressionsIn(condition: Condition): readonly string[] {
  switch (condition.kind) {
    case "match":
      return [condition.pattern];
    case "not":
      return expressionsIn(condition.operand);
    case "and":
    case "or":
    case "xor":
    case "nand":
      return [...expressionsIn(condition.left), ...expressionsIn(condition.right)];
    case "truthy":
    case "compare":
    case "in":
      return [];
  }
}
