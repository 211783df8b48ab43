import { ConfigError } from "../contract/errors.ts";
import type { Json } from "../pipeline/event.ts";

/** `string` unless the expression says another one. */
export const CAPTURE_TYPES = ["string", "int", "long", "float", "double", "boolean", "ip"] as const;
export type CaptureType = (typeof CAPTURE_TYPES)[number];

/** @throws ConfigError `GROK_TYPE` */
export function captureType(type: string | undefined, name: string): CaptureType {
  if (type === undefined) return "string";
  const found = CAPTURE_TYPES.find((known) => known === type);
  if (found) return found;
  throw new ConfigError("GROK_TYPE", `%{${name}}: there is no type ${type}; the types are ${CAPTURE_TYPES.join(", ")}`);
}

/**
 * A captured text as its type's value; `undefined`: the capture is left out.
 * - `int`, `long`: the digits at the beginning, as Ruby's `to_i` takes them; 0 without any. Whole numbers that a double
 *   cannot hold keep their digits.
 * - `float`, `double`: Ruby's `to_f`
 * - `boolean`: whether it is `true`, in any case (Java's `parseBoolean`)
 * - `ip`: the text when Elasticsearch's `ip` takes it
 * @source Ruby's String#to_i, #to_f; Elasticsearch's GrokCaptureType
 */
export function convertCapture(
  text: string,
  type: CaptureType,
  isAddress: (text: string) => boolean,
): Json | undefined {
  switch (type) {
    case "string":
      return text;
    case "int":
    case "long": {
      const digits = /^\s*([+-]?\d+(?:_\d+)*)/.exec(text)?.[1]?.replaceAll("_", "");
      return digits === undefined ? 0 : wholeNumber(digits);
    }
    case "float":
    case "double": {
      const digits = /^\s*([+-]?\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?)/.exec(text)?.[1]?.replaceAll("_", "");
      const value = Number(digits ?? 0);
      return Number.isFinite(value) ? value : text;
    }
    case "boolean":
      return text.toLowerCase() === "true";
    case "ip":
      return isAddress(text) ? text : undefined;
  }
}

function wholeNumber(digits: string): Json {
  const value = Number(digits);
  // -0 is 0, as in Ruby.
  if (Number.isSafeInteger(value)) return value + 0;
  return digits.replace(/^\+/, "");
}
