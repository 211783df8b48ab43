import type { FieldMessage } from "../contract/line-parser.ts";
import { LogEvent, parseFieldPath, showFieldPath, type Json } from "../pipeline/event.ts";
import { FLAW_TAGS, lineText } from "./line-text.ts";

/** Logstash's tag for what its json codec cannot read; the text is kept as the message. */
const NO_JSON = "_jsonparsefailure";

/** So many names of fields are said. */
const NAMES_SHOWN = 10;

/**
 * Takes messages out of lines of JSON (NDJSON): that of a line is the text of one field.
 * @param field `name` or `[a][b]`
 * @returns undefined for a blank line
 * @throws ConfigError `PIPELINE_INVALID` for what is no field reference
 */
export function jsonField(field: string): (line: Uint8Array) => FieldMessage | undefined {
  const path = parseFieldPath(field);
  return (line) => {
    const { text, flaws } = lineText(line);
    if (text.trim() === "") return undefined;
    const unreadable = (problem: string): FieldMessage => ({
      problem,
      json: JSON.stringify({ message: text, tags: [...flaws.map((flaw) => FLAW_TAGS[flaw]), NO_JSON] }),
    });
    let value: Json;
    try {
      // What stands for bad bytes stays apart from what is written as U+FFFD.
      value = JSON.parse(flaws.includes("bad-utf8") ? text.replaceAll("\ufffd", LONE) : text) as Json;
    } catch (error) {
      return unreadable(`is no JSON (${(error as Error).message})`);
    }
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return unreadable("is JSON, but no object");
    const message = new LogEvent(value).get(path);
    if (typeof message === "string") return { message: bytesOf(message) };
    const names = Object.keys(value);
    const shown = names.slice(0, NAMES_SHOWN).join(", ") + (names.length > NAMES_SHOWN ? ", …" : "");
    return unreadable(
      message === undefined
        ? `has no field ${showFieldPath(path)}${names.length > 0 ? `; there are: ${shown}` : ""}`
        : `has no text in the field ${showFieldPath(path)}`,
    );
  };
}

/** A surrogate without its other half, which is no character. */
const LONE = "\udc80";

/** UTF-8; a lone surrogate becomes a byte that is none. */
function bytesOf(text: string): Uint8Array {
  if (text.isWellFormed()) return Buffer.from(text);
  const parts = text.split(/\p{Surrogate}/u).flatMap((part) => [Buffer.of(0xff), Buffer.from(part)]);
  return Buffer.concat(parts.slice(1));
}
