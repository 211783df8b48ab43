import { ConfigError } from "../contract/errors.ts";
import { parseFieldPath, tryFieldPath, type FieldPath, type LogEvent } from "../pipeline/event.ts";
import { showValue } from "../pipeline/sprintf.ts";

/**
 * A text cut at delimiters, by a mapping such as `%{time} %{+time} %{?skipped->} %{key}=%{&key}`.
 *
 * Between fields stand delimiters; each field is what stands before the next one, the last is the rest. `+` appends to a field
 * (in the order of `/1`, `/2` if there is one) with the delimiter before it, `?` keeps nothing, `&name` goes to the field that the
 * value of `name` names (`?name`, or `*name` as Elasticsearch's dissect writes it, keeps that value out of the event), `->`
 * takes repeated delimiters behind the field as one.
 *
 * @source logstash-filter-dissect 1.2: org.logstash.dissect.{Dissector,Delimiter}, fields.{FieldFactory,AbstractField}
 */

/** A field of a mapping. Plain data. */
export interface DissectField {
  readonly kind: "normal" | "skip" | "append" | "indirect";
  /** Without signs; empty for `%{}`. */
  readonly name: string;
  /** Where it goes; absent when the name is no place: skipped fields, and indirect ones until a line names it. */
  readonly path?: FieldPath | undefined;
  /** The order among appended fields. */
  readonly order: number;
  /** The delimiter before it. */
  readonly before: string;
  /** The delimiter behind it; absent for the last. */
  readonly behind?: string | undefined;
  /** Repeated delimiters before it count as one: `->` of the field before. */
  readonly afterPadding: boolean;
}

/** The fields of a mapping, in the order in which they stand. */
export type Dissection = readonly DissectField[];

const FIELD = /([^]*?)%\{([^}]*)\}/g;
const SUFFIX = /(?:\/\d{1,2}|->|\/\d{1,2}->|->\/\d{1,2})$/;
const KINDS: Readonly<Record<string, DissectField["kind"]>> = {
  "?": "skip",
  "*": "skip",
  "+": "append",
  "&": "indirect",
};

/** Reads a mapping. @throws ConfigError `PIPELINE_INVALID` for one that never matches, or whose fields have no names */
export function parseDissection(mapping: string): Dissection {
  const found: { name: string; before: string }[] = [];
  let end = 0;
  for (const [whole, before = "", name = ""] of mapping.matchAll(FIELD)) {
    if (found.length > 0 && before === "")
      fail(mapping, `nothing stands between %{${found.at(-1)!.name}} and %{${name}}`);
    found.push({ name, before });
    end += whole.length;
  }
  if (found.length === 0) fail(mapping, "it has no field");
  const rest = mapping.slice(end);
  // What the rest of the text is cut off at.
  if (rest !== "") found.push({ name: "", before: rest });
  let afterPadding = false;
  return found.map(({ name, before }, i) => {
    const field = { ...parseField(name, mapping), before, behind: found[i + 1]?.before, afterPadding };
    afterPadding = SUFFIX.exec(name)?.[0].includes("->") ?? false;
    return field;
  });
}

function parseField(text: string, mapping: string): Pick<DissectField, "kind" | "name" | "path" | "order"> {
  const sign = KINDS[text.slice(0, 1)];
  const whole = sign ? text.slice(1) : text;
  const suffix = SUFFIX.exec(whole)?.[0] ?? "";
  const name = whole.slice(0, whole.length - suffix.length);
  const order = Number(/\d+/.exec(suffix)?.[0] ?? 0);
  // `%{}` and `%{->}` keep nothing.
  const kind = sign ?? (name === "" ? "skip" : "normal");
  if (kind === "skip") return { kind, name, order };
  if (name === "") fail(mapping, `%{${text}} has no name`);
  if (/^[+&]/.test(name) && sign) fail(mapping, `%{${text}} mixes + and &`);
  return { kind, name, path: kind === "indirect" ? tryFieldPath(name) : parseFieldPath(name), order };
}

function fail(mapping: string, problem: string): never {
  throw new ConfigError(
    "PIPELINE_INVALID",
    `the mapping ${JSON.stringify(mapping)} matches no text: ${problem}; write for example %{time} %{host}: %{rest}`,
  );
}

/**
 * Cuts a text.
 * @returns each field's value, in the order of the mapping; undefined when a delimiter is missing
 */
export function cut(text: string, fields: Dissection): readonly string[] | undefined {
  const values: string[] = [];
  let left = 0;
  for (const { before, behind, afterPadding } of fields) {
    if (afterPadding) while (text.startsWith(before, left)) left += before.length;
    else if (left === 0 && fields[0]!.before !== "") {
      if (!text.startsWith(before)) return undefined;
      left = before.length;
    }
    if (behind === undefined) {
      values.push(text.slice(left));
      break;
    }
    const found = text.indexOf(behind, left);
    if (found < 0) return undefined;
    values.push(text.slice(left, found));
    // At the very beginning Logstash's cutter does not step over a delimiter; with padding it does so before the next field.
    if (found > 0) left = found + behind.length;
  }
  return values;
}

/**
 * Writes the values into an event: fields first, then what is appended, then what another value names.
 * @returns false when there is no place for one of them; those before it stay
 */
export function writeCut(values: readonly string[], fields: Dissection, event: LogEvent): boolean {
  const rank = ({ kind, order }: DissectField) => (kind === "normal" ? -1 : kind === "append" ? order : 100);
  return [...fields.keys()]
    .filter((i) => fields[i]!.kind !== "skip")
    .sort((i, j) => rank(fields[i]!) - rank(fields[j]!))
    .every((i) => write(i, values, fields, event));
}

function write(i: number, values: readonly string[], fields: Dissection, event: LogEvent): boolean {
  const { kind, name, path, before } = fields[i]!;
  const value = values[i]!;
  if (kind === "indirect") {
    const naming = fields.findIndex((other, j) => j !== i && other.name === name);
    const key = path && event.has(path) ? showValue(event.get(path)!) : (values[naming] ?? "");
    if (key === "") return true;
    const target = tryFieldPath(key);
    return target !== undefined && event.set(target, value);
  }
  if (kind === "append" && event.has(path!)) {
    return event.set(path!, showValue(event.get(path!)!) + (before === "" ? " " : before) + value);
  }
  return event.set(path!, value);
}
