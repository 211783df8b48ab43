import { isHeaderRead } from "../parsers/unparsed.ts";
import type { LogEvent } from "./event.ts";

/**
 * What is left to say when a pipeline is through: a line without a header that the pipeline has read after all, and whose
 * tag it took away, is unparsed no more; an empty list of tags is none.
 */
export function settle(event: LogEvent): void {
  const tags = event.get(["tags"]);
  const unparsed = event.get(["unparsed"]);
  if (isHeaderRead(tags) && (unparsed === "no-header" || unparsed === "bad-date")) event.remove(["unparsed"]);
  if (Array.isArray(tags) && tags.length === 0) event.remove(["tags"]);
}
