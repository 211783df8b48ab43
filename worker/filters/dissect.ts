import { z } from "zod";
import { parseFieldPath, showFieldPath, type FieldPath, type Json, type LogEvent } from "../pipeline/event.ts";
import { cut, parseDissection, writeCut, type Dissection } from "./dissection.ts";
import type { FilterKind } from "./filter.ts";
import { failureTags, hashBy, oneOf, read, text } from "./options.ts";
import { readFloat, readInteger } from "./numbers.ts";

/** Options of the dissect filter. */
export interface DissectOptions {
  readonly mapping: readonly (readonly [field: FieldPath, dissection: Dissection])[];
  readonly convert_datatype: readonly (readonly [field: FieldPath, type: "int" | "float"])[];
  readonly tag_on_failure: readonly string[];
}

const dissection = text.transform((value, context) => read(parseDissection, value, context));

/**
 * Cuts fields at delimiters, each mapping on what the one before left. A field that is missing is passed over without a tag, as
 * in Logstash. The filter has matched when one mapping has; what every filter has is then done once (there: after each).
 *
 * @source logstash-filter-dissect 1.2: JavaDissectorLibrary, Converters
 */
export const dissect: FilterKind<DissectOptions> = {
  name: "dissect",
  schema: z
    .strictObject({
      mapping: z.prefault(hashBy(parseFieldPath, dissection), {}),
      convert_datatype: z.prefault(
        hashBy(
          parseFieldPath,
          z.preprocess((type) => (typeof type === "string" ? type.toLowerCase() : type), oneOf("int", "float")),
        ),
        {},
      ),
      tag_on_failure: failureTags("_dissectfailure"),
    })
    .refine(({ mapping, convert_datatype }) => mapping.length + convert_datatype.length > 0, {
      error: "has nothing to do; write mapping: with `message: '%{…}'` below it",
    }),
  create({ mapping, convert_datatype, tag_on_failure }) {
    return {
      apply(event) {
        let matched = false;
        let failed = false;
        for (const [field, fields] of mapping) {
          if (!event.has(field)) continue;
          const source = textOf(event.get(field));
          const values = source === undefined ? undefined : cut(source, fields);
          if (values && writeCut(values, fields, event)) matched = true;
          else failed = true;
        }
        if (failed) for (const tag of tag_on_failure) event.tag(tag);
        for (const [field, type] of convert_datatype) convert(event, field, type);
        return matched ? "matched" : failed ? "failed" : "unmatched";
      },
    };
  },
};

/** The text to cut; undefined when there is none. */
function textOf(value: Json | undefined): string | undefined {
  if (value === undefined || value === null || value === "" || typeof value === "object") return undefined;
  return String(value);
}

function convert(event: LogEvent, field: FieldPath, type: "int" | "float"): void {
  const value = event.get(field) ?? null;
  const text = typeof value === "object" ? "" : String(value);
  // Java's numbers have no underscores.
  const number = text.includes("_") ? undefined : type === "int" ? readInteger(text) : readFloat(text);
  if (typeof number === "number") event.set(field, number);
  else if (number === undefined) {
    const what = value === null ? "nullvalue" : "uncoercible";
    event.tag(`_dataconversion${what}_${showFieldPath(field)}_${type}`);
  }
}
