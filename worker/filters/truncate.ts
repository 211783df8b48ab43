import { z } from "zod";
import { isFields, newFields, type FieldPath, type Json } from "../pipeline/event.ts";
import type { FilterKind } from "./filter.ts";
import { fieldPath, list } from "./options.ts";

/** Options of the truncate filter. */
export interface TruncateOptions {
  /** Absent: every field but the event's time. */
  readonly fields?: readonly FieldPath[] | undefined;
  /** Bytes of UTF-8; a character that would be cut goes whole. */
  readonly length_bytes: number;
}

const TIMESTAMP = "@timestamp";

/**
 * Shortens texts that are longer than may be, also those in lists and objects: Elasticsearch refuses a `keyword` of more than
 * 32,766 bytes, and the whole document with it. The filter has matched when it has shortened something.
 *
 * @source logstash-filter-truncate 1.0: lib/logstash/filters/truncate.rb
 */
export const truncate: FilterKind<TruncateOptions> = {
  name: "truncate",
  schema: z.strictObject({
    fields: list<FieldPath>(fieldPath).optional(),
    length_bytes: z.int({ error: "must be a whole number of bytes; write for example 32766" }).nonnegative({
      error: "must not be negative; write for example 32766",
    }),
  }),
  create({ fields, length_bytes: length }) {
    return {
      apply(event) {
        const paths = fields ?? Object.keys(event.fields).flatMap((name) => (name === TIMESTAMP ? [] : [[name]]));
        let shortened = false;
        for (const path of paths) {
          const value = event.get(path);
          const short = value === undefined ? undefined : shorten(value, length);
          if (short !== undefined && short !== value && event.set(path, short)) shortened = true;
        }
        return shortened ? "matched" : "unmatched";
      },
    };
  },
};

/** The value itself when nothing in it is too long. As in Logstash, lists and objects in a list stay as they are. */
function shorten(value: Json, length: number): Json {
  if (typeof value === "string") return beginning(value, length);
  if (Array.isArray(value)) {
    const items = value.map((item) => (typeof item === "string" ? beginning(item, length) : item));
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  if (!isFields(value)) return value;
  const changed = newFields();
  let same = true;
  for (const [key, inner] of Object.entries(value)) {
    const short = shorten(inner, length);
    changed[key] = short;
    same &&= short === inner;
  }
  return same ? value : changed;
}

function beginning(text: string, length: number): string {
  // No character takes more than three bytes for each of its units.
  if (text.length * 3 <= length) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= length) return text;
  let end = length;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}
