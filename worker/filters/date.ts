import { z } from "zod";
import { parseFieldPath, type FieldPath } from "../pipeline/event.ts";
import { constantOf, renderTemplate, type Template } from "../pipeline/sprintf.ts";
import type { FilterKind } from "./filter.ts";
import { failureTags, fieldPath, list, read, template, text } from "./options.ts";

/** Options of the date filter. */
export interface DateOptions {
  readonly match: { readonly field: FieldPath; readonly patterns: readonly string[] };
  readonly timezone?: Template | undefined;
  readonly locale?: string | undefined;
  readonly target: FieldPath;
  readonly tag_on_failure: readonly string[];
}

/**
 * Reads a time from a field; by default it becomes the event's. `match` is a list: the field, then its patterns in order. How
 * patterns, zones and years are read is the date compiler's.
 *
 * @source logstash-filter-date 3.1: lib/logstash/filters/date.rb, org.logstash.filters.DateFilter
 */
export const date: FilterKind<DateOptions> = {
  name: "date",
  schema: z.strictObject({
    match: list(text).transform(([field, ...patterns], context) => {
      if (field === undefined || patterns.length === 0) {
        context.addIssue({ code: "custom", message: "needs a field and a pattern; write [ts, ISO8601]" });
        return z.NEVER;
      }
      return { field: read(parseFieldPath, field, context), patterns };
    }),
    timezone: template.optional(),
    locale: text.transform((value) => value.replaceAll("_", "-")).optional(),
    target: z.prefault(fieldPath, "@timestamp"),
    tag_on_failure: failureTags("_dateparsefailure"),
  }),
  create({ match, timezone, locale, target, tag_on_failure }, tools) {
    const zone = timezone && constantOf(timezone);
    const reader = tools.dates.compile({ patterns: match.patterns, locale, zone });
    return {
      apply(event, line) {
        const value = event.get(match.field);
        if (value === undefined || value === null) return "unmatched";
        const said = timezone && zone === undefined ? renderTemplate(timezone, event) : undefined;
        const readable = typeof value === "string" || typeof value === "number";
        const time = readable ? reader.read(value, line, said) : undefined;
        if (time !== undefined && event.set(target, time)) return "matched";
        for (const tag of tag_on_failure) event.tag(tag);
        return "failed";
      },
    };
  },
};
