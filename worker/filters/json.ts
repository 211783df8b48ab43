import { z } from "zod";
import { isFields, tryFieldPath, type FieldPath, type Fields, type LogEvent } from "../pipeline/event.ts";
import type { DateReader, FilterKind, LineContext } from "./filter.ts";
import { readJson } from "./json-text.ts";
import { failureTags, fieldPath, flag } from "./options.ts";

/** Options of the json filter. */
export interface JsonOptions {
  readonly source: FieldPath;
  readonly target?: FieldPath | undefined;
  readonly skip_on_invalid_json: boolean;
  readonly tag_on_failure: readonly string[];
}

const TIMESTAMP = "@timestamp";
/** Logstash's names for a time that it could not read. It then takes the current one; here the event keeps its own. */
const TIMESTAMP_FAILURE = "_timestampparsefailure";
const TIMESTAMP_FAILURE_FIELD = ["_@timestamp"];

/**
 * Reads a field that holds JSON. Without a target its keys become fields of the event, each read as a field reference, and its
 * `@timestamp` the event's.
 *
 * @source logstash-filter-json 3.2: lib/logstash/filters/json.rb
 */
export const json: FilterKind<JsonOptions> = {
  name: "json",
  schema: z.strictObject({
    source: fieldPath,
    target: fieldPath.optional(),
    skip_on_invalid_json: z.prefault(flag, false),
    tag_on_failure: failureTags("_jsonparsefailure"),
  }),
  create({ source, target, skip_on_invalid_json, tag_on_failure }, tools) {
    const dates = tools.dates.compile({ patterns: ["ISO8601"] });
    const fail = (event: LogEvent) => {
      for (const tag of tag_on_failure) event.tag(tag);
      return "failed" as const;
    };
    return {
      apply(event, line) {
        const value = event.get(source);
        if (value === undefined || value === null || value === false) return "unmatched";
        const parsed = typeof value === "string" ? readJson(value) : undefined;
        if (parsed === undefined) return skip_on_invalid_json ? "unmatched" : fail(event);
        if (target) return event.set(target, parsed) ? "matched" : fail(event);
        return isFields(parsed) && spread(parsed, event, dates, line) ? "matched" : fail(event);
      },
    };
  },
};

/** Writes the keys into the event. @returns false at the first that has no place; those before it stay */
function spread(parsed: Fields, event: LogEvent, dates: DateReader, line: LineContext): boolean {
  for (const key of Object.keys(parsed)) {
    if (key === TIMESTAMP) continue;
    const path = tryFieldPath(key);
    if (!path || !event.set(path, parsed[key]!)) return false;
  }
  const time = parsed[TIMESTAMP];
  // Ruby takes null and false for none.
  if (time === undefined || time === null || time === false) return true;
  const timestamp = typeof time === "string" ? dates.read(time, line, undefined) : undefined;
  if (timestamp !== undefined) return event.set([TIMESTAMP], timestamp);
  event.tag(TIMESTAMP_FAILURE);
  return event.set(TIMESTAMP_FAILURE_FIELD, typeof time === "string" ? time : JSON.stringify(time));
}
