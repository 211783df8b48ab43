import { z } from "zod";
import {
  cloneJson,
  isFields,
  newFields,
  parseFieldPath,
  type FieldPath,
  type Json,
  type LogEvent,
} from "../pipeline/event.ts";
import { constantOf, fieldOf, parseTemplate, renderTemplate, showValue, type Template } from "../pipeline/sprintf.ts";
import { listOf } from "./decorate.ts";
import type { FilterKind, Regex } from "./filter.ts";
import { convert, CONVERSIONS, type Conversion } from "./mutate-convert.ts";
import {
  failureTags,
  fieldPath,
  fieldTemplate,
  fieldTemplateOf,
  hashBy,
  list,
  oneOf,
  read,
  template,
  text,
} from "./options.ts";
import { capitalize, gsub, split, strip } from "./ruby-text.ts";

type Pairs<K, V> = readonly (readonly [K, V])[];

/** Options of the mutate filter, in the order in which they are done. */
export interface MutateOptions {
  readonly coerce: Pairs<FieldPath, Template>;
  readonly rename: Pairs<Template, Template>;
  readonly update: Pairs<FieldPath, Template>;
  readonly replace: Pairs<FieldPath, Template>;
  readonly convert: Pairs<FieldPath, Conversion>;
  readonly gsub: readonly { readonly field: FieldPath; readonly pattern: string; readonly replacement: Template }[];
  readonly uppercase: readonly FieldPath[];
  readonly capitalize: readonly FieldPath[];
  readonly lowercase: readonly FieldPath[];
  readonly strip: readonly FieldPath[];
  readonly split: Pairs<FieldPath, string>;
  readonly join: Pairs<FieldPath, string>;
  readonly merge: Pairs<FieldPath, readonly FieldPath[]>;
  readonly copy: Pairs<FieldPath, FieldPath>;
  readonly tag_on_failure: readonly string[];
}

/** One operation on an event. @returns false when it cannot be done: those behind it are then left out, as in Logstash */
type Operation = (event: LogEvent) => boolean;

const byField = <T>(value: z.ZodType<T>) => z.prefault(hashBy(parseFieldPath, value), {});
const fields = z.prefault(list<FieldPath>(fieldPath), []);

const gsubs = z.prefault(list(text), []).transform((items, context) => {
  if (items.length % 3 !== 0) {
    context.addIssue({
      code: "custom",
      message: "is a list of threes: field, pattern, replacement; write all of them",
    });
    return z.NEVER;
  }
  return Array.from({ length: items.length / 3 }, (_, i) => {
    const pattern = items[i * 3 + 1]!;
    // What a line says would become a pattern, which nobody has looked at.
    if (pattern.includes("%{")) {
      const message = "a pattern with %{…} in it is refused; write the pattern itself";
      context.addIssue({ code: "custom", message, path: [i * 3 + 1] });
    }
    return {
      field: read(parseFieldPath, items[i * 3]!, context, [i * 3]),
      pattern,
      replacement: read(parseTemplate, items[i * 3 + 2]!, context, [i * 3 + 2]),
    };
  });
});

/**
 * Changes fields. All of one kind of operation are done before those of the next, in the order of `MutateOptions`, whatever the
 * order in the configuration is; then what every filter has (`add_field` …) is done. Two mutate filters make another order.
 *
 * Otherwise than in Logstash a `gsub` pattern takes nothing from the event, `merge` adds every field that it names to a field
 * that was no list, and a field that cannot be renamed stays.
 *
 * @source logstash-filter-mutate 3.5: lib/logstash/filters/mutate.rb
 */
export const mutate: FilterKind<MutateOptions> = {
  name: "mutate",
  schema: z.strictObject({
    coerce: byField<Template>(template),
    rename: z.prefault(hashBy(fieldTemplateOf, fieldTemplate), {}),
    update: byField<Template>(template),
    replace: byField<Template>(template),
    convert: byField<Conversion>(oneOf(...CONVERSIONS)),
    gsub: gsubs,
    uppercase: fields,
    capitalize: fields,
    lowercase: fields,
    strip: fields,
    split: byField<string>(text),
    join: byField<string>(text),
    merge: byField<readonly FieldPath[]>(list(fieldPath)),
    copy: byField<FieldPath>(fieldPath),
    tag_on_failure: failureTags("_mutate_error"),
  }),
  refused: {
    remove: "it is called remove_field, as in Logstash",
  },
  create(options, tools) {
    let givenUp: string | undefined;
    const operations: readonly Operation[] = [
      ...options.coerce.map(([field, value]) => coerce(field, value)),
      ...options.rename.map(([from, to]) => rename(from, to)),
      ...options.update.map(([field, value]) => update(field, value)),
      ...options.replace.map(([field, value]) => replace(field, value)),
      ...options.convert.map(([field, type]) => change(field, (value) => convert(value, type))),
      ...options.gsub.map(({ field, pattern, replacement }) =>
        substitute(field, tools.regex.compile(pattern), replacement, () => (givenUp = pattern)),
      ),
      ...options.uppercase.map((field) =>
        change(
          field,
          texts((value) => value.toUpperCase()),
        ),
      ),
      ...options.capitalize.map((field) => change(field, texts(capitalize))),
      ...options.lowercase.map((field) =>
        change(
          field,
          texts((value) => value.toLowerCase()),
        ),
      ),
      ...options.strip.map((field) => change(field, stripped)),
      ...options.split.map(([field, by]) =>
        change(field, (value) => (typeof value === "string" ? split(value, by) : value)),
      ),
      ...options.join.map(([field, by]) =>
        change(field, (value) => (Array.isArray(value) ? joined(value, by) : value)),
      ),
      ...options.merge.map(([field, others]) => merge(field, others)),
      ...options.copy.map(([from, to]) => copy(from, to)),
    ];
    return {
      apply(event) {
        givenUp = undefined;
        if (operations.every((operation) => operation(event))) return "matched";
        for (const tag of options.tag_on_failure) event.tag(tag);
        return givenUp === undefined ? "failed" : { overBudget: givenUp };
      },
    };
  },
};

/** A field that is there and null gets a value. */
function coerce(field: FieldPath, value: Template): Operation {
  return (event) => event.get(field) !== null || event.set(field, renderTemplate(value, event));
}

function rename(from: Template, to: Template): Operation {
  return (event) => {
    const [old, renamed] = [fieldOf(from, event), fieldOf(to, event)];
    if (!old || !renamed) return false;
    if (!event.has(old)) return true;
    const value = event.remove(old)!;
    if (event.set(renamed, value)) return true;
    event.set(old, value);
    return false;
  };
}

function update(field: FieldPath, value: Template): Operation {
  const set = replace(field, value);
  return (event) => !event.has(field) || set(event);
}

function replace(field: FieldPath, value: Template): Operation {
  return (event) => event.set(field, renderTemplate(value, event));
}

/** Sets a field that is there to something made of it; `undefined` when it cannot be made. */
function change(field: FieldPath, how: (value: Json) => Json | undefined): Operation {
  return (event) => {
    const value = event.get(field);
    if (value === undefined || value === null) return true;
    const changed = how(value);
    return changed === value || (changed !== undefined && event.set(field, changed));
  };
}

/** Changes a text, or the texts of a list. */
function texts(how: (value: string) => string): (value: Json) => Json {
  const one = (value: Json) => (typeof value === "string" ? how(value) : value);
  return (value) => (Array.isArray(value) ? value.map(one) : one(value));
}

/** A list must hold texts alone. */
function stripped(value: Json): Json | undefined {
  if (typeof value === "string") return strip(value);
  if (!Array.isArray(value)) return value;
  return value.every((item) => typeof item === "string") ? value.map(strip) : undefined;
}

/** @param giveUp is told when the search was given up; then nothing is replaced */
function substitute(field: FieldPath, regex: Regex, replacement: Template, giveUp: () => void): Operation {
  const constant = constantOf(replacement);
  return (event) => {
    const by = constant ?? renderTemplate(replacement, event);
    let given = true;
    const substituted = change(
      field,
      texts((value) => {
        const result = gsub(value, regex, by);
        if (result === undefined) {
          given = false;
          giveUp();
        }
        return result ?? value;
      }),
    );
    return substituted(event) && given;
  };
}

/** Lists in the list are joined too. */
function joined(value: readonly Json[], by: string): string {
  return value.map((item) => (item === null ? "" : Array.isArray(item) ? joined(item, by) : showValue(item))).join(by);
}

/** Lists are joined, objects united; an object and something else stay apart. */
function merge(field: FieldPath, others: readonly FieldPath[]): Operation {
  return (event) =>
    others.every((other) => {
      const value = event.get(field);
      const added = event.get(other);
      if (isFields(value) !== isFields(added)) return true;
      if (isFields(value) && isFields(added)) return event.set(field, united(value, added));
      return event.set(field, cloneJson([...listOf(value), ...listOf(added)]));
    });
}

function united(value: Json, added: Json): Json {
  return Object.assign(newFields(), cloneJson(value), cloneJson(added));
}

function copy(from: FieldPath, to: FieldPath): Operation {
  return (event) => {
    const value = event.get(from);
    return value === undefined || value === null || event.set(to, cloneJson(value));
  };
}
