import { isIP } from "node:net";
import type { FieldPath, Json, LogEvent } from "../pipeline/event.ts";
import { convertCapture } from "./capture-type.ts";
import type { GrokExpression } from "./expression.ts";

/** How captures become fields. */
export interface CaptureRules {
  /** Fields that a capture replaces; any other that is there becomes a list. As `showFieldPath` writes them. */
  readonly overwrites: (path: FieldPath) => boolean;
  readonly keepEmpty: boolean;
  /** What all captures are put below; empty: nothing. */
  readonly target: FieldPath;
}

/**
 * Puts what an expression captured into the event.
 * @param textOf what a group holds; `undefined` when it took no part
 * @source logstash-filter-grok, `handle`. There a second capture beside a *number* is lost; here it makes a list too.
 */
export function applyCaptures(
  event: LogEvent,
  { captures }: GrokExpression,
  textOf: (group: number) => string | undefined,
  { overwrites, keepEmpty, target }: CaptureRules,
): void {
  for (const { path, type, groups } of captures) {
    const to = [...target, ...path];
    for (const group of groups) {
      const text = textOf(group);
      if (text === undefined ? !keepEmpty : text === "" && !keepEmpty) continue;
      const value = text === undefined ? null : convertCapture(text, type, isAddress);
      if (value !== undefined) put(event, to, value, overwrites(path));
    }
  }
}

function put(event: LogEvent, path: FieldPath, value: Json, overwrite: boolean): void {
  const there = event.get(path);
  if (overwrite || there === undefined || there === null) event.set(path, value);
  else event.set(path, Array.isArray(there) ? [...there, value] : [there, value]);
}

/** An address that Elasticsearch's `ip` takes: no zone, no leading zero. */
function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}
