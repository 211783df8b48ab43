import { isFields, type Json } from "../pipeline/event.ts";
import { showValue } from "../pipeline/sprintf.ts";
import { readFloat, readHexadecimal, readInteger, type ReadNumber } from "./numbers.ts";
import { strip } from "./ruby-text.ts";

/** Types that `mutate { convert }` knows; `_eu` ones have a comma before the decimals. */
export const CONVERSIONS = ["string", "integer", "float", "boolean", "integer_eu", "float_eu"] as const;
export type Conversion = (typeof CONVERSIONS)[number];

// As Logstash writes them: a line of the text is enough, and the point is any character.
const TRUE = /^(true|t|yes|y|1|1.0)$/im;
const FALSE = /^(false|f|no|n|0|0.0)$/im;

/**
 * A value as another type; of a list each item but null. Objects stay as they are.
 * @returns undefined when a value is no number: the filter has then failed
 * @source logstash-filter-mutate 3.5: convert_integer, convert_float, convert_boolean (as since Logstash 8.14)
 */
export function convert(value: Json, type: Conversion): Json | undefined {
  if (value === null || isFields(value)) return value;
  if (!Array.isArray(value)) return convertOne(value, type);
  const items = value.map((item) => (item === null ? null : convertOne(item, type)));
  return items.includes(undefined) ? undefined : (items as Json[]);
}

function convertOne(value: Json, type: Conversion): Json | undefined {
  switch (type) {
    case "string":
      return showValue(value);
    case "boolean":
      return toBoolean(value);
    case "integer":
      return toNumber(value, readInteger);
    case "float":
      return toNumber(value, readRubyFloat);
    case "integer_eu":
      return toNumber(european(value), readInteger);
    case "float_eu":
      return toNumber(european(value), readRubyFloat);
  }
}

/** What is neither stays what it is. */
function toBoolean(value: Json): Json {
  const text = showValue(value);
  if (TRUE.test(text)) return true;
  return text === "" || FALSE.test(text) ? false : value;
}

/** Commas group thousands and are passed over. */
function toNumber(value: Json, reader: (text: string) => ReadNumber): Json | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return reader === readInteger ? Math.trunc(value) || 0 : value;
  if (typeof value !== "string") return undefined;
  const text = strip(value).replaceAll(",", "");
  const hexadecimal = readHexadecimal(text);
  const number = hexadecimal ?? reader(text);
  if (number === "inexact") return value;
  return reader === readInteger && number !== undefined ? Math.trunc(number) || 0 : number;
}

/** Ruby's `Float` wants digits behind a point, other than BigDecimal. */
function readRubyFloat(text: string): ReadNumber {
  return /\.(?!\d)/.test(text) ? undefined : readFloat(text);
}

/** `1.234,5` is `1,234.5`. */
function european(value: Json): Json {
  return typeof value === "string" ? value.replaceAll(/[,.]/g, (sign) => (sign === "," ? "." : ",")) : value;
}
