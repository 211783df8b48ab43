import { ConfigError } from "../contract/errors.ts";
import { parseFieldPath, type FieldPath } from "../pipeline/event.ts";
import { parseRegex, type Reference } from "../regex/parse.ts";
import type { Regex } from "../regex/syntax.ts";
import { bankOf, mergeBanks, type Bank } from "./bank.ts";
import { captureType, type CaptureType } from "./capture-type.ts";

/** A field that an expression captures, with the groups that do, in order. */
export interface Capture {
  /** As it stands in the expression, `NUMBER:bytes:int`. */
  readonly name: string;
  readonly path: FieldPath;
  readonly type: CaptureType;
  readonly groups: readonly number[];
}

/** A grok expression with all its definitions in it. */
export interface GrokExpression {
  readonly source: string;
  readonly regex: Regex;
  /** In the order in which Logstash sets them: by the first group of each name. */
  readonly captures: readonly Capture[];
}

/**
 * Reads `%{NAME}`, `%{NAME:field}`, `%{NAME:field:type}`, `%{NAME:[nested][field]}`, `%{NAME=definition}` and Onigmo's own
 * syntax with `(?<field>…)`. A dot matches line feeds too, as in Logstash.
 * @param namedCapturesOnly false: `%{NAME}` captures into the field `NAME`
 * @throws ConfigError `GROK_UNDEFINED` (with the path of definitions to it), `GROK_CYCLE`, `GROK_TYPE`, `REGEX_INVALID`,
 *   `REGEX_UNSUPPORTED`
 * @source jls-grok 0.11, `PATTERN_RE`, `compile`, `compile_captures_func`
 */
export function parseExpression(source: string, bank: Bank, namedCapturesOnly = true): GrokExpression {
  let known = bank;
  const resolve = (inside: string, path: readonly string[]): Reference | undefined => {
    const match = REFERENCE.exec(inside);
    if (!match) return undefined;
    const [, name, pattern, subname, definition] = match as unknown as [string, string, string, string?, string?];
    if (definition !== undefined) known = mergeBanks(known, bankOf({ [pattern]: definition }, `%{${inside}}`));
    const found = known.get(pattern);
    if (!found) throw undefinedPattern(pattern, path, known);
    const captures = subname !== undefined || !namedCapturesOnly;
    return { name: pattern, definition: found.text, ...(captures ? { group: name } : {}) };
  };
  const regex = parseRegex(source, { resolve, dotAll: true });
  return { source, regex, captures: capturesOf(regex) };
}

/** The same; of what is off in a definition it is also said where that stands, by file and line. */
export function parseLocated(source: string, bank: Bank, namedCapturesOnly = true): GrokExpression {
  try {
    return parseExpression(source, bank, namedCapturesOnly);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const path = error.context["path"];
    // Who is off is the last one, or, of one that is not defined, who asks for it.
    const names = typeof path === "string" ? (path.match(/\w+/g) ?? []) : [];
    const where = names.findLast((name) => bank.has(name));
    if (where === undefined) throw error;
    throw new ConfigError(error.code, `${error.message} (%{${where}} is defined in ${bank.get(where)!.where})`, {
      context: error.context,
    });
  }
}

/** The inside of a reference. What stands behind the name and is none of it is read over, as by jls-grok. */
const REFERENCE = /^(([A-Za-z0-9_]+)(?::([@[\]A-Za-z0-9_:.-]+))?)(?:=((?:[^{}\\]|\\.)+))?[^}]*$/s;

function capturesOf({ groups }: Regex): readonly Capture[] {
  const byName = new Map<string, number[]>();
  for (const [number, { name }] of groups.entries()) {
    // A group without a name captures nothing for grok.
    if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), number]);
  }
  return Array.from(byName, ([name, numbers]) => {
    const [pattern = name, field = pattern, type] = name.split(":");
    return { name, path: parseFieldPath(field), type: captureType(type, name), groups: numbers };
  });
}

function undefinedPattern(pattern: string, path: readonly string[], bank: Bank): ConfigError {
  const way = [...path, pattern].map((name) => `%{${name}}`).join(" → ");
  const alike = [...bank.keys()].filter((name) => name.toUpperCase() === pattern.toUpperCase());
  const remedy =
    alike.length > 0 ? `did you mean ${alike.join(" or ")}?` : "define it, or name the directory of patterns that does";
  return new ConfigError(
    "GROK_UNDEFINED",
    `there is no definition of %{${pattern}}${path.length > 0 ? ` (${way})` : ""}; ${remedy}`,
    {
      context: { pattern, path: way },
    },
  );
}
