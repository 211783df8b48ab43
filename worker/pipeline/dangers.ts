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

/** The whole of an expression is one definition. */
const ONE_NAME = /^%\{([A-Za-z0-9_]+)\}$/;

/**
 * The expressions of an operator's pipelines on which a short line makes matching give up, each once. Such a line is kept and tagged, but it
 * costs as much as thousands of others.
 * @param isShipped tells by its place whether a definition ships with the program: an expression that is such a one, and nothing else, has been
 *   looked at before
 */
export function dangersOf(
  steps: readonly Step[],
  bank: Bank,
  isShipped: (where: string) => boolean,
): readonly DangerousPattern[] {
  const found = new Map<string, DangerousPattern | undefined>();
  const look = (place: string, pattern: string, known: Bank, read: () => Regex): void => {
    const shipped = known.get(ONE_NAME.exec(pattern)?.[1] ?? "");
    if (found.has(pattern) || (shipped && isShipped(shipped.where))) return;
    found.set(pattern, dangerousPattern(pattern, read(), known, place));
  };
  for (const { options, place } of grokFilters(steps)) {
    const known = mergeBanks(
      bank,
      bankOf(Object.fromEntries(options.pattern_definitions), `${place} (pattern_definitions)`),
    );
    for (const pattern of options.match.flatMap(([, patterns]) => patterns)) {
      look(place, pattern, known, () => parseExpression(pattern, known, options.named_captures_only).regex);
    }
  }
  for (const { source, place } of plainExpressions(steps)) look(place, source, new Map(), () => parseRegex(source));
  return [...found.values()].filter((danger) => danger !== undefined);
}

/** What is dangerous in an expression. */
export function dangerousPattern(
  pattern: string,
  regex: Regex,
  bank: Bank,
  place?: string,
): DangerousPattern | undefined {
  const danger = dangerOf(regex);
  if (!danger) return undefined;
  const { element, prefix, pump, times, suffix } = danger;
  const definedIn = bank.get(/^%\{([A-Za-z0-9_]+)/.exec(element ?? "")?.[1] ?? "")?.where;
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
