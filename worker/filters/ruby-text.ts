import { LONGEST_TEXT } from "../pipeline/event.ts";
import type { Regex } from "./filter.ts";

/** What Ruby does to texts, where it differs from JavaScript. @source Ruby 3.1: String#strip, #split, #capitalize, #gsub, #to_i */

const BLANK = new Set("\0\t\n\v\f\r ");

/** Without blanks and NULs at both ends. */
export function strip(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && BLANK.has(text[start]!)) start++;
  while (end > start && BLANK.has(text[end - 1]!)) end--;
  return text.slice(start, end);
}

/** The first letter large, all others small. */
export function capitalize(text: string): string {
  const first = text.codePointAt(0);
  if (first === undefined) return "";
  const head = String.fromCodePoint(first);
  return head.toUpperCase() + text.slice(head.length).toLowerCase();
}

/** The parts between separators, without empty ones at the end. A separator of one space stands for any blanks. */
export function split(text: string, separator: string): string[] {
  const parts =
    separator === " " ? text.split(/[\0\t\n\v\f\r ]+/) : separator === "" ? [...text] : text.split(separator);
  if (separator === " " && parts[0] === "") parts.shift();
  let end = parts.length;
  while (end > 0 && parts[end - 1] === "") end--;
  return parts.slice(0, end);
}

/** The whole number that a text begins with, 0 if it begins with none. */
export function toInteger(text: string): number {
  return Number(/^\s*([+-]?\d+)/.exec(text)?.[1] ?? 0);
}

/**
 * Replaces every match. In the replacement `\1` … `\9`, `\k<name>`, `\0` and `\&` are what was caught, `` \` `` and `\'` what
 * stands before and behind, `\\` a backslash.
 * @returns undefined when the search was given up
 */
export function gsub(text: string, regex: Regex, replacement: string): string | undefined {
  let result = "";
  let copied = 0;
  for (let from = 0; from <= text.length;) {
    const match = regex.exec(text, from);
    if (match === "over-budget") return undefined;
    if (!match) break;
    const { start, end, groups, names } = match;
    result += text.slice(copied, start);
    result += replacement.replaceAll(
      /\\(?:k<([^>]*)>|(\d)|([&`'\\]))/g,
      (whole: string, name?: string, digit?: string, sign?: string) => {
        if (name !== undefined) return groups[(names.get(name) ?? 0) - 1] ?? "";
        if (digit === "0" || sign === "&") return text.slice(start, end);
        if (digit !== undefined) return groups[Number(digit) - 1] ?? "";
        return sign === "`" ? text.slice(0, start) : sign === "'" ? text.slice(end) : sign === "\\" ? "\\" : whole;
      },
    );
    // No field takes it; what is missing makes no difference.
    if (result.length > LONGEST_TEXT) return result;
    copied = end;
    from = end;
    if (end === start) {
      // An empty match: the next search begins behind the next character, which stays.
      from = end + String.fromCodePoint(text.codePointAt(end) ?? 0).length;
    }
  }
  return result + text.slice(copied);
}
