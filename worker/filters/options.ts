import { z } from "zod";
import { ConfigError } from "../contract/errors.ts";
import { parseFieldPath } from "../pipeline/event.ts";
import { constantOf, parseTemplate, type Template } from "../pipeline/sprintf.ts";
import type { CommonOptions } from "./filter.ts";

/**
 * The kinds of values that options of filters take, as Logstash's `config … :validate` has them: one value does for a list of
 * one, and numbers and booleans do where a text is wanted. Everything is read here, so that an error names its place.
 */

/** A text; numbers and booleans of the YAML are taken as they are written. */
export const text = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)], {
  error: (issue) => (issue.input === undefined ? undefined : "must be a text"),
});

/** A list, or one item for a list of one. */
export function list<T>(item: z.ZodType<T>): z.ZodType<readonly T[]> {
  return z.preprocess((value) => (Array.isArray(value) || value === undefined ? value : [value]), z.array(item));
}

/**
 * A mapping as pairs, in the order in which it is written. No object: a key may be `__proto__`, and keys like `10` would
 * change their places. The pipeline's reader gives maps; an object is taken too.
 */
export function hash<T>(value: z.ZodType<T>): z.ZodType<readonly (readonly [string, T])[]> {
  return z
    .preprocess(
      (input) => (isPlainObject(input) ? new Map(Object.entries(input)) : input),
      z.map(z.string(), value, {
        error: (issue) =>
          issue.input === undefined ? undefined : "must be a mapping; write `key: value` lines below it",
      }),
    )
    .transform((map) => [...map]);
}

/** A mapping whose keys are read too: `hash` with what a reader makes of each key. */
export function hashBy<K, T>(key: (text: string) => K, value: z.ZodType<T>): z.ZodType<readonly (readonly [K, T])[]> {
  return hash(value).transform((pairs, context) =>
    pairs.map(([name, of]) => [read(key, name, context, [name]), of] as const),
  );
}

function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map);
}

/** A field reference: `name`, `[a][b]`. */
export const fieldPath = text.transform((value, context) => read(parseFieldPath, value, context));

/** A text with parts of the event in it. */
export const template = text.transform((value, context) => read(parseTemplate, value, context));

/** Reads a template that names a field: one that takes nothing from the event must be a field reference. */
export function fieldTemplateOf(value: string): Template {
  const parsed = parseTemplate(value);
  const constant = constantOf(parsed);
  if (constant !== undefined) parseFieldPath(constant);
  return parsed;
}

/** The same as the kind of an option's value. */
export const fieldTemplate = text.transform((value, context) => read(fieldTemplateOf, value, context));

/** One of some words. */
export function oneOf<const T extends string>(...words: readonly T[]): z.ZodType<T> {
  return z.enum(words as readonly [T, ...T[]], {
    error: (issue) => (issue.input === undefined ? undefined : `must be one of ${words.join(", ")}`),
  });
}

/** true or false, also in quotes. */
export const flag = z.preprocess(
  (value) => (value === "true" ? true : value === "false" ? false : value),
  z.boolean({ error: (issue) => (issue.input === undefined ? undefined : "must be true or false") }),
);

/** Whose field names a filter writes: its own of old, or the Elastic Common Schema's. */
export const ecsCompatibility = z.prefault(oneOf("disabled", "v1", "v8"), "disabled");

/** Tags that are added when a filter fails. */
export function failureTags(...standard: readonly string[]): z.ZodType<readonly string[]> {
  return z.prefault(list(text), [...standard]);
}

/** Runs a reader of texts; what it throws becomes an issue at this place. */
export function read<T>(
  reader: (value: string) => T,
  value: string,
  context: z.RefinementCtx,
  path: PropertyKey[] = [],
): T {
  try {
    return reader(value);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.addIssue({ code: "custom", message: error.message, path });
    return z.NEVER;
  }
}

const templates = z.prefault(list<Template>(template), []);
const fields = z.prefault(list<Template>(fieldTemplate), []);

/** Options that every filter has. `id` names it in reports. */
export const commonSchema: z.ZodType<CommonOptions> & { readonly shape: Readonly<Record<string, unknown>> } =
  z.strictObject({
    id: text.optional(),
    add_field: z.prefault(hashBy(fieldTemplateOf, list<Template>(template)), {}),
    remove_field: fields,
    add_tag: templates,
    remove_tag: templates,
  });
