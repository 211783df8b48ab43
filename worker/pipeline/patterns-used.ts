import type { GrokOptions } from "../filters/filter.ts";
import type { Bank } from "../grok/bank.ts";
import type { Step } from "./definition.ts";

/** The grok filters of a pipeline, in the order in which they are written. */
export function* grokFilters(
  steps: readonly Step[],
): Generator<{ readonly options: GrokOptions; readonly place: string }, void, undefined> {
  for (const step of steps) {
    if (step.kind === "stage") yield* grokFilters(step.steps);
    else if (step.kind === "branch") yield* grokFilters([...step.then, ...step.else]);
    else if (step.filter === "grok") yield { options: step.options as GrokOptions, place: step.place };
  }
}

/** Names that grok filters ask the bank for: those of their patterns that they do not define themselves. */
export function namesAskedFor(steps: readonly Step[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { options } of grokFilters(steps)) {
    const own = new Map(options.pattern_definitions);
    const texts = [...options.match.flatMap(([, patterns]) => patterns), ...own.values()];
    for (const name of texts.flatMap(referencesIn)) if (!own.has(name)) names.add(name);
  }
  return names;
}

/** The definitions that names lead to, in the bank's order; and names that lead to none. */
export function reachable(
  names: Iterable<string>,
  bank: Bank,
): { readonly bank: Bank; readonly missing: readonly string[] } {
  const found = new Set<string>();
  const missing = new Set<string>();
  const open = [...names];
  for (let name; (name = open.pop()) !== undefined;) {
    const definition = bank.get(name);
    if (!definition) missing.add(name);
    else if (!found.has(name)) {
      found.add(name);
      open.push(...referencesIn(definition.text));
    }
  }
  return { bank: new Map([...bank].filter(([name]) => found.has(name))), missing: [...missing] };
}

/** Names behind `%{`. One that is defined in the same place, `%{NAME=…}`, is asked of nobody. */
function referencesIn(text: string): readonly string[] {
  return Array.from(text.matchAll(/%\{([A-Za-z0-9_]+)(?:(?::[@[\]A-Za-z0-9_:.-]+)?(=))?/g)).flatMap(
    ([, name, equals]) => (name === undefined || equals !== undefined ? [] : [name]),
  );
}
