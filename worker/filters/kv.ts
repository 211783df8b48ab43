import { z } from "zod";
import {
  isFields,
  newFields,
  tryFieldPath,
  type FieldPath,
  type Fields,
  type Json,
  type LogEvent,
} from "../pipeline/event.ts";
import { renderTemplate, type Template } from "../pipeline/sprintf.ts";
import type { FilterKind, Regex, RegexCompiler } from "./filter.ts";
import { failureTags, fieldPath, flag, hash, list, oneOf, template, text } from "./options.ts";
import { capitalize, gsub } from "./ruby-text.ts";

type Transform = "lowercase" | "uppercase" | "capitalize";

/** Options of the kv filter. */
export interface KvOptions {
  readonly source: FieldPath;
  readonly target?: FieldPath | undefined;
  readonly prefix: Template;
  readonly field_split: string;
  readonly field_split_pattern?: string | undefined;
  readonly value_split: string;
  readonly value_split_pattern?: string | undefined;
  readonly whitespace: "lenient" | "strict";
  readonly include_brackets: boolean;
  readonly recursive: boolean;
  readonly include_keys: readonly Template[];
  readonly exclude_keys: readonly Template[];
  readonly default_keys: readonly (readonly [key: string, value: string])[];
  readonly allow_duplicate_values: boolean;
  readonly allow_empty_values: boolean;
  readonly trim_key?: string | undefined;
  readonly trim_value?: string | undefined;
  readonly remove_char_key?: string | undefined;
  readonly remove_char_value?: string | undefined;
  readonly transform_key?: Transform | undefined;
  readonly transform_value?: Transform | undefined;
  readonly tag_on_failure: readonly string[];
  readonly tag_on_timeout: string;
}

/** How many values of `recursive` may stand in one another: `a=a=a=…` would else go as deep as the line is long. */
const DEEPEST = 50;

const transform = oneOf<Transform>("lowercase", "uppercase", "capitalize");
const characters = text.refine((value) => value !== "", { error: "is empty; write characters, or take it away" });

/**
 * Finds `key=value` pairs, with values in quotes or brackets. It is the one regular expression that Logstash's filter builds
 * from the same options; `field_split` and the other lists of characters stand inside a character class, as they are written.
 * `trim_…` and `remove_char_…` are such lists too. Without a target each key is read as a field reference.
 *
 * @source logstash-filter-kv 4.7: lib/logstash/filters/kv.rb
 */
export const kv: FilterKind<KvOptions> = {
  name: "kv",
  schema: z.strictObject({
    source: z.prefault(fieldPath, "message"),
    target: fieldPath.optional(),
    prefix: z.prefault(template, ""),
    field_split: z.prefault(characters, " "),
    field_split_pattern: characters.optional(),
    value_split: z.prefault(characters, "="),
    value_split_pattern: characters.optional(),
    whitespace: z.prefault(oneOf("lenient", "strict"), "lenient"),
    include_brackets: z.prefault(flag, true),
    recursive: z.prefault(flag, false),
    include_keys: z.prefault(list<Template>(template), []),
    exclude_keys: z.prefault(list<Template>(template), []),
    default_keys: z.prefault(hash(text), {}),
    allow_duplicate_values: z.prefault(flag, true),
    allow_empty_values: z.prefault(flag, false),
    trim_key: characters.optional(),
    trim_value: characters.optional(),
    remove_char_key: characters.optional(),
    remove_char_value: characters.optional(),
    transform_key: transform.optional(),
    transform_value: transform.optional(),
    tag_on_failure: failureTags("_kv_filter_error"),
    tag_on_timeout: z.prefault(text, "_kv_filter_timeout"),
  }),
  refused: {
    timeout_millis: "matching has a budget of steps, which is the same on every machine; take it away",
  },
  create(options, tools) {
    const scanner = new Scanner(options, tools.regex);
    const { source, target, default_keys, tag_on_failure, tag_on_timeout } = options;
    // Whichever of its expressions it was, this one stands for the filter.
    const overBudget = patternsOf(options).pair;
    return {
      apply(event) {
        const pairs = newFields();
        for (const [key, value] of default_keys) pairs[key] = value;
        try {
          const found = newFields();
          const value = event.get(source);
          for (const text of Array.isArray(value) ? value : [value]) scanner.scan(text, event, found, 0);
          Object.assign(pairs, found);
        } catch (error) {
          if (!(error instanceof OverBudget)) throw error;
          event.tag(tag_on_timeout);
          return { overBudget };
        }
        if (Object.keys(pairs).length === 0) return "unmatched";
        if (write(pairs, target, event)) return "matched";
        for (const tag of tag_on_failure) event.tag(tag);
        return "failed";
      },
    };
  },
};

function write(pairs: Fields, target: FieldPath | undefined, event: LogEvent): boolean {
  if (target) return event.set(target, pairs);
  return Object.keys(pairs).every((key) => {
    const path = tryFieldPath(key);
    return path !== undefined && event.set(path, pairs[key]!);
  });
}

/** Ends a scan from within: a regular expression has used up its budget. */
class OverBudget extends Error {}

/** The regular expressions of a filter's options, and what is done with what they find. */
class Scanner {
  readonly #options: KvOptions;
  readonly #pair: Regex;
  readonly #valueSplit: Regex;
  readonly #trimKey: Regex | undefined;
  readonly #trimValue: Regex | undefined;
  readonly #removeFromKey: Regex | undefined;
  readonly #removeFromValue: Regex | undefined;

  constructor(options: KvOptions, regex: RegexCompiler) {
    const compile = (source: string | undefined) => (source === undefined ? undefined : regex.compile(source));
    const trimming = (characters: string | undefined) => characters && `^[${characters}]+|[${characters}]+$`;
    const removing = (characters: string | undefined) => characters && `[${characters}]`;
    const { pair, valueSplit } = patternsOf(options);
    this.#options = options;
    this.#pair = regex.compile(pair);
    this.#valueSplit = regex.compile(valueSplit);
    this.#trimKey = compile(trimming(options.trim_key));
    this.#trimValue = compile(trimming(options.trim_value));
    this.#removeFromKey = compile(removing(options.remove_char_key));
    this.#removeFromValue = compile(removing(options.remove_char_value));
  }

  /** Adds the pairs of a text to `found`. */
  scan(text: Json | undefined, event: LogEvent, found: Fields, depth: number): void {
    if (typeof text !== "string" || !search(this.#valueSplit, text, 0)) return;
    const included = this.#options.include_keys.map((key) => renderTemplate(key, event));
    const excluded = this.#options.exclude_keys.map((key) => renderTemplate(key, event));
    for (let from = 0, match; (match = search(this.#pair, text, from)); from = match.end) {
      const [key = "", ...candidates] = match.groups;
      const value = candidates.find((candidate) => candidate !== undefined) ?? "";
      if (value === "" && !this.#options.allow_empty_values) continue;
      this.#take(key, value, event, found, depth, { included, excluded });
    }
  }

  #take(
    foundKey: string,
    foundValue: string,
    event: LogEvent,
    found: Fields,
    depth: number,
    keys: { readonly included: readonly string[]; readonly excluded: readonly string[] },
  ): void {
    const options = this.#options;
    const bare = transformed(without(without(foundKey, this.#trimKey), this.#removeFromKey), options.transform_key);
    if (keys.included.length > 0 && !keys.included.includes(bare)) return;
    if (keys.excluded.includes(bare)) return;
    const key = renderTemplate(options.prefix, event) + bare;
    const value = without(without(foundValue, this.#trimValue), this.#removeFromValue);
    const text = transformed(value, options.transform_value);
    const there = found[key];
    if (!options.allow_duplicate_values && holds(there, text)) return;
    const one = options.recursive ? this.#nested(text, event, depth) : text;
    if (there === undefined) found[key] = one;
    else if (Array.isArray(there)) there.push(one);
    else found[key] = [there, one];
  }

  /** The pairs in a value, or the value when it has none. */
  #nested(text: string, event: LogEvent, depth: number): Json {
    const inner = newFields();
    if (depth < DEEPEST) this.scan(text, event, inner, depth + 1);
    return Object.keys(inner).length > 0 ? inner : text;
  }
}

function search(regex: Regex, text: string, from: number) {
  const match = regex.exec(text, from);
  if (match === "over-budget") throw new OverBudget();
  return match;
}

function without(text: string, regex: Regex | undefined): string {
  if (!regex) return text;
  const rest = gsub(text, regex, "");
  if (rest === undefined) throw new OverBudget();
  return rest;
}

function transformed(text: string, how: Transform | undefined): string {
  if (how === undefined) return text;
  return how === "capitalize" ? capitalize(text) : how === "uppercase" ? text.toUpperCase() : text.toLowerCase();
}

/** What Ruby's `include?` says: a list holds the value, a text has it inside, an object has it as a key. */
function holds(there: Json | undefined, value: string): boolean {
  if (typeof there === "string" || Array.isArray(there)) return there.includes(value);
  return isFields(there) && Object.hasOwn(there, value);
}

/** The sources of the regular expressions, put together as the filter of Logstash does. */
function patternsOf(options: KvOptions): { readonly pair: string; readonly valueSplit: string } {
  const { field_split, value_split, field_split_pattern, value_split_pattern } = options;
  const fieldSplit = `(?:${field_split_pattern ?? `[${field_split}]`})`;
  const split = `(?:${value_split_pattern ?? `[${value_split}]`})`;
  const valueSplit = options.whitespace === "lenient" ? `(?: *${split} *)` : split;
  const key =
    value_split_pattern !== undefined || field_split_pattern !== undefined
      ? untilPattern(`(?:${valueSplit}|${fieldSplit})`)
      : untilCharacter(value_split + field_split);
  const brackets = options.include_brackets ? ["()", "[]", "<>"] : [];
  const quoted = ['""', "''", ...brackets].map(([open, close]) => {
    return `${escape(open!)}${untilCharacter(escape(close!))}?${escape(close!)}`;
  });
  const plain = field_split_pattern === undefined ? untilCharacter(field_split) : untilPattern(fieldSplit);
  const value = `(?:${[...quoted, plain].map((each) => `(?:${each})`).join("|")})?`;
  return { pair: `${key}${valueSplit}${value}(?:${fieldSplit}|$)`, valueSplit };
}

function untilCharacter(characters: string): string {
  return `((?:\\\\.|[^${characters}])+)`;
}

function untilPattern(pattern: string): string {
  return `((?:(?!${pattern})(?:\\\\.|.))+)`;
}

function escape(character: string): string {
  return /[()[\]]/.test(character) ? `\\${character}` : character;
}
