import { compileRegex, NO_MATCH, TOO_MANY_STEPS } from "../regex/compile.ts";
import { codePoints, interpretRegex } from "../regex/interpret.ts";
import type { Regex } from "../regex/syntax.ts";
import { TextBytes } from "../regex/text-bytes.ts";

/** What a matcher found in a text: what each group holds, `undefined` where it took no part. */
export type Found = readonly (string | undefined)[] | "no-match" | "too-many-steps";

/** Looks for an expression in a text. */
export type TextMatcher = (text: string) => Found;

/** The plain one, which says what is right. */
export function plainMatcher(regex: Regex): TextMatcher {
  const run = interpretRegex(regex);
  return (text) => {
    const characters = codePoints(text);
    const match = run(characters, PLAIN_STEPS);
    if (match === undefined) return "no-match";
    if (match === "too-many-steps") return match;
    return match.groups.map(({ start, end }) =>
      start < 0 || end < 0
        ? undefined
        : characters
            .slice(start, end)
            .map((code) => String.fromCodePoint(code))
            .join(""),
    );
  };
}

/** The generated one, made when it is first asked: of a pipeline's expressions the plain pipeline needs few. */
export function generatedMatcher(regex: Regex): TextMatcher {
  let find: ReturnType<typeof bytesMatcher> | undefined;
  return (text) => {
    TEXT.take(text);
    return (find ??= bytesMatcher(regex))(TEXT.bytes, TEXT.length);
  };
}

/** Of the text that a matcher looks at. */
const TEXT = new TextBytes();

/** The generated one, on bytes that are valid UTF-8, up to `end`. */
export function bytesMatcher(regex: Regex): (bytes: Buffer, end?: number) => Found {
  const { match, slots } = compileRegex(regex);
  const found = new Int32Array(slots);
  return (bytes, end = bytes.length) => {
    const matched = match(bytes, 0, end, found);
    if (matched === NO_MATCH) return "no-match";
    if (matched === TOO_MANY_STEPS) return "too-many-steps";
    return regex.groups.map((_, group) =>
      found[2 * group + 1]! < 0 ? undefined : bytes.toString("utf8", found[2 * group], found[2 * group + 1]),
    );
  };
}

/** The plain matcher takes a step for each instruction, and optimises nothing: it has more of them than the generated one. */
const PLAIN_STEPS = 500_000_000;
