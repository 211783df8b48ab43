import { fieldOf, renderTemplate } from "../pipeline/sprintf.ts";
import type { CommonOptions } from "./filter.ts";
import { isFields, type Json, type LogEvent } from "../pipeline/event.ts";

/** The tag of an event to which `add_field` could not add: there is no place for the field. */
export const ADD_FIELD_FAILURE = "_add_field_failure";

/**
 * What the options that every filter has do to an event, once the filter has matched: fields are added (to one that is there
 * as one more value of a list), then fields removed, tags added, tags removed. Each sees what the one before did.
 *
 * @source Logstash 9.x: filter_matched in logstash/filters/base.rb, logstash/util/decorators.rb
 */
export function decorate(common: CommonOptions, event: LogEvent): void {
  for (const [field, values] of common.add_field) {
    for (const value of values) {
      const path = fieldOf(field, event);
      const text = renderTemplate(value, event);
      if (!path || !event.set(path, event.has(path) ? withOneMore(event.get(path), text) : text)) {
        event.tag(ADD_FIELD_FAILURE);
      }
    }
  }
  for (const field of common.remove_field) {
    const path = fieldOf(field, event);
    if (path) event.remove(path);
  }
  for (const tag of common.add_tag) event.tag(renderTemplate(tag, event));
  for (const tag of common.remove_tag) event.untag(renderTemplate(tag, event));
}

function withOneMore(value: Json | undefined, more: string): Json {
  return [...listOf(value), more];
}

/** A value as a list: itself, none of a missing one, else the value alone. An object is one value. */
export function listOf(value: Json | undefined): Json[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null ? [] : [isFields(value) ? { ...value } : value];
}
