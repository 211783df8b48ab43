import { newFields, type Json } from "../pipeline/event.ts";

/** Deeper than Elasticsearch indexes (20) and than any log has: at such a depth every later step would need as many calls. */
const DEEPEST = 1000;

/**
 * Reads JSON so that nothing is lost and nothing is special: numbers that a double cannot hold exactly stay the texts that
 * they were, `__proto__` is a key as any other, and the last of equal keys counts.
 *
 * @returns undefined for what is no JSON, or is nested deeper than a thousand levels (where Logstash's reader gives up too)
 * @source Jackson's StreamReadConstraints, maximal nesting depth 1000
 */
export function readJson(text: string): Json | undefined {
  if (isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text, revive) as Json;
  } catch {
    return undefined;
  }
}

/** `context` holds a number as it is written (ECMAScript's "JSON.parse source text access"). */
function revive(_key: string, value: Json, context?: { readonly source?: string }): Json {
  if (typeof value === "number") {
    const source = context?.source ?? "";
    if (!Number.isFinite(value) || (!Number.isSafeInteger(value) && /^-?\d+$/.test(source))) return source;
    return value === 0 ? 0 : value;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const fields = newFields();
  for (const key of Object.keys(value)) fields[key] = value[key]!;
  return fields;
}

/** Whether brackets open deeper than may be; those in strings do not count. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      while (++at < text.length && text[at] !== '"') if (text[at] === "\\") at++;
    } else if (character === "{" || character === "[") {
      if (++depth > DEEPEST) return true;
    } else if (character === "}" || character === "]") depth--;
  }
  return false;
}
