import { z } from "zod";
import { duration, size } from "./config/values.ts";
import { configSchema } from "./config-schema.ts";

/**
 * The schema as a list of fields: what environment variables, the generated example, origins and suggestions are made
 * from. The one place that looks inside zod's types.
 */

/** What kind of value a field takes. */
export type FieldType = "size" | "duration" | "integer" | "number" | "text" | "choice" | "list" | "mapping" | "flag";

/** A value of the configuration. */
export interface ConfigField {
  /** Dotted: `dataNodes.count`. */
  readonly path: string;
  readonly type: FieldType;
  readonly description: string;
  /** As a configuration file would say it; undefined for a field without one. */
  readonly defaultValue: unknown;
  /** Of a `choice`. */
  readonly choices: readonly string[];
  /** `GRIDHARVEST_DATA_NODES_COUNT`. */
  readonly variable: string;
  /** Of a list of sections: the fields of one item. Their paths start at the item. */
  readonly items: readonly ConfigField[];
}

/** A group of fields. */
export interface ConfigSection {
  readonly path: string;
  readonly description: string;
  /** Absent unless the file names it, so that its fields have no defaults. */
  readonly optional: boolean;
}

interface Unwrapped {
  readonly schema: z.core.$ZodType;
  readonly description: string;
  readonly defaultValue: unknown;
  readonly optional: boolean;
}

/** Takes the wrappers (default, prefault, optional) off and keeps what they say. */
function unwrap(outer: z.core.$ZodType): Unwrapped {
  let schema = outer;
  let description = "";
  let defaultValue: unknown;
  let optional = false;
  for (;;) {
    description ||= (schema as z.ZodType).description ?? "";
    if (schema instanceof z.core.$ZodDefault || schema instanceof z.core.$ZodPrefault) {
      defaultValue ??= schema._zod.def.defaultValue;
      schema = schema._zod.def.innerType;
    } else if (schema instanceof z.core.$ZodOptional) {
      optional = true;
      schema = schema._zod.def.innerType;
    } else return { schema, description, defaultValue, optional };
  }
}

/** `size` and `duration` are told by the union that they read, which their described copies share. */
function isCopyOf(schema: z.core.$ZodType, original: z.core.$ZodType): boolean {
  return (
    schema instanceof z.core.$ZodPipe &&
    original instanceof z.core.$ZodPipe &&
    schema._zod.def.in === original._zod.def.in
  );
}

function typeOf(schema: z.core.$ZodType): FieldType {
  if (isCopyOf(schema, size)) return "size";
  if (isCopyOf(schema, duration)) return "duration";
  if (schema instanceof z.core.$ZodEnum) return "choice";
  if (schema instanceof z.core.$ZodArray) return "list";
  if (schema instanceof z.core.$ZodRecord) return "mapping";
  if (schema instanceof z.core.$ZodBoolean) return "flag";
  if (schema instanceof z.core.$ZodNumber) return schema instanceof z.core.$ZodNumberFormat ? "integer" : "number";
  return "text";
}

/** What the names of environment variables begin with. */
export const VARIABLE_PREFIX = "GRIDHARVEST_";

function variableOf(path: string): string {
  const words = path.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll(".", "_");
  return `${VARIABLE_PREFIX}${words.toUpperCase()}`;
}

function* walk(schema: z.core.$ZodObject, path: string): Generator<ConfigField | ConfigSection> {
  for (const [key, value] of Object.entries(schema._zod.def.shape)) {
    const inner = unwrap(value);
    const here = path === "" ? key : `${path}.${key}`;
    const { description, defaultValue } = inner;
    if (inner.schema instanceof z.core.$ZodObject) {
      yield { path: here, description, optional: inner.optional };
      yield* walk(inner.schema, here);
    } else {
      const choices = inner.schema instanceof z.core.$ZodEnum ? Object.values(inner.schema._zod.def.entries) : [];
      yield {
        path: here,
        type: typeOf(inner.schema),
        description,
        defaultValue,
        choices: choices.map(String),
        variable: variableOf(here),
        items: itemsOf(inner.schema),
      };
    }
  }
}

function itemsOf(schema: z.core.$ZodType): readonly ConfigField[] {
  if (!(schema instanceof z.core.$ZodArray)) return [];
  const item = unwrap(schema._zod.def.element).schema;
  return item instanceof z.core.$ZodObject ? [...walk(item, "")].filter((entry) => "type" in entry) : [];
}

/** Fields and sections in the order of the schema; a section stands before its fields. */
export const CONFIG_ENTRIES: readonly (ConfigField | ConfigSection)[] = [...walk(configSchema, "")];

/** The fields alone. */
export const CONFIG_FIELDS: readonly ConfigField[] = CONFIG_ENTRIES.filter((entry) => "type" in entry);

/** The keys that may stand at a path whose parts may be list positions; empty where no section is. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let { schema } = unwrap(configSchema);
  for (const part of path) {
    if (schema instanceof z.core.$ZodArray) ({ schema } = unwrap(schema._zod.def.element));
    else if (schema instanceof z.core.$ZodObject) {
      const next = schema._zod.def.shape[String(part)];
      if (!next) return [];
      ({ schema } = unwrap(next));
    } else return [];
  }
  return schema instanceof z.core.$ZodObject ? Object.keys(schema._zod.def.shape) : [];
}
