import { ConfigError } from "../contract/errors.ts";
import { formatDate, parseDatePattern, type DateDialect, type DatePart } from "./date-format.ts";
import { LONGEST_TEXT, parseFieldPath, tryFieldPath, type FieldPath, type Json, type LogEvent } from "./event.ts";

/**
 * Texts with parts of the event in them, which Logstash calls its sprintf format: `%{field}`, `%{[a][b]}`, the event's time as
 * `%{+yyyy.MM.dd}`, `%{+%s}` or `%{{yyyy-MM-dd}}`. A field that is not there leaves its `%{…}` standing.
 *
 * @source Logstash's org.logstash.StringInterpolation, 9.x
 */

/** A piece of a template. Plain data, so that a compiler can write code from it. */
export type TemplatePart =
  | string
  | { readonly kind: "field"; readonly path: FieldPath; readonly text: string }
  | { readonly kind: "date"; readonly dialect: DateDialect; readonly pattern: readonly DatePart[] }
  | { readonly kind: "epoch" };

/** A parsed text; `[]` is the empty one. */
export type Template = readonly TemplatePart[];

const TIMESTAMP = ["@timestamp"];

/** Reads a template. @throws ConfigError `PIPELINE_INVALID` for a bad reference or date pattern, and for the current time */
export function parseTemplate(text: string): Template {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (let open; (open = text.indexOf("%{", at)) >= 0;) {
    const close = text.indexOf("}", open);
    if (close < 0) break;
    const double = text[open + 2] === "{" && text[close + 1] === "}";
    if (open > at) parts.push(text.slice(at, open));
    at = close + (double ? 2 : 1);
    parts.push(parsePart(text.slice(open, at), text.slice(open + (double ? 3 : 2), close), double));
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

function parsePart(text: string, inner: string, double: boolean): TemplatePart {
  if (double && inner === "TIME_NOW") {
    throw new ConfigError(
      "PIPELINE_INVALID",
      `${text} is refused: a line read twice must give one document; take the event's own time, %{@timestamp}`,
    );
  }
  if (inner === "+%s" && !double) return { kind: "epoch" };
  if (double || inner.startsWith("+")) {
    const dialect = double ? "java" : "joda";
    const pattern = parseDatePattern(double ? inner : inner.slice(1), dialect);
    if (!("problem" in pattern)) return { kind: "date", dialect, pattern };
    throw new ConfigError("PIPELINE_INVALID", `in the date pattern ${text} ${pattern.problem}`);
  }
  // Logstash reads `%{}` as a field without a name, which nothing has.
  return inner === "" ? text : { kind: "field", path: parseFieldPath(inner), text };
}

/** The text of a template that takes nothing from an event, else undefined. */
export function constantOf(template: Template): string | undefined {
  return template.every((part) => typeof part === "string") ? template.join("") : undefined;
}

/** The text that a template makes of an event. Of one that is too long for any field only as much as shows it. */
export function renderTemplate(template: Template, event: LogEvent): string {
  let text = "";
  for (const part of template) {
    text += renderPart(part, event);
    if (text.length > LONGEST_TEXT) break;
  }
  return text;
}

function renderPart(part: TemplatePart, event: LogEvent): string {
  if (typeof part === "string") return part;
  if (part.kind === "field") {
    const value = event.get(part.path);
    return value === undefined || value === null ? part.text : showValue(value);
  }
  const timestamp = event.get(TIMESTAMP);
  if (typeof timestamp !== "string") return "";
  if (part.kind === "date") return formatDate(timestamp, part.pattern, part.dialect);
  const milliseconds = Date.parse(timestamp);
  return Number.isNaN(milliseconds) ? "" : String(Math.floor(milliseconds / 1000));
}

/** A value as a template shows it: lists with commas (lists in them too), objects as JSON. */
export function showValue(value: Json): string {
  if (Array.isArray(value)) return value.map((item) => (item === null ? "" : showItem(item))).join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function showItem(value: Json): string {
  return Array.isArray(value) ? showValue(value) : typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The field that a template names on an event; undefined when what comes out is no field reference. */
export function fieldOf(template: Template, event: LogEvent): FieldPath | undefined {
  return tryFieldPath(renderTemplate(template, event));
}
