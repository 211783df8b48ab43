import { compileRegex, NO_MATCH, TOO_MANY_STEPS } from "../../worker/regex/compile.ts";
import { codePoints, interpretRegex } from "../../worker/regex/interpret.ts";
import { withinLine, type Regex } from "../../worker/regex/syntax.ts";

/** What was found, in bytes: the whole, then the groups; null for one that took no part. */
export type Spans = readonly (readonly [start: number, end: number] | null)[] | "no match" | "over budget";

/** Bytes that surround the text, so that a matcher that looks beyond its ends finds something there. */
const AROUND = Buffer.from("a0 é\n");
const PLAIN_LIMIT = 300_000;

/** An expression's matchers, which must find the same. */
export interface Matchers {
  readonly plain: (text: string, first?: number) => Spans;
  readonly generated: (text: string, first?: number) => Spans;
  /** The generated one for texts without a line feed. */
  readonly generatedForLines: (text: string, first?: number) => Spans;
}

/** `first` is the character at which a match may begin, as everywhere. */
export function matchersOf(regex: Regex): Matchers {
  let forLines: Matchers["generated"] | undefined;
  return {
    plain: plainOn(regex),
    generated: generatedOn(regex),
    generatedForLines: (text, first) => (forLines ??= generatedOn(withinLine(regex)))(text, first),
  };
}

function plainOn(regex: Regex): Matchers["plain"] {
  const run = interpretRegex(regex);
  return (text, first = 0) => {
    const characters = codePoints(text);
    const found = run(characters, PLAIN_LIMIT, undefined, first);
    if (found === undefined) return "no match";
    if (found === "too-many-steps") return "over budget";
    const offsets = [0];
    for (const code of characters) offsets.push(offsets.at(-1)! + Buffer.byteLength(String.fromCodePoint(code)));
    return [found, ...found.groups].map(({ start, end }) =>
      start < 0 || end < 0 ? null : ([offsets[start]!, offsets[end]!] as const),
    );
  };
}

function generatedOn(regex: Regex): Matchers["generated"] {
  const { match, slots: count } = compileRegex(regex);
  const slots = new Int32Array(count);
  return (text, first = 0) => {
    const bytes = Buffer.concat([AROUND, Buffer.from(text), AROUND]);
    const from = AROUND.length;
    const at = from + Buffer.byteLength(Array.from(text).slice(0, first).join(""));
    // What an earlier text left there is no matter.
    slots.fill(7);
    const end = match(bytes, from, bytes.length - from, slots, at);
    if (end === NO_MATCH) return "no match";
    if (end === TOO_MANY_STEPS) return "over budget";
    const groups = regex.groups.map((_, group): readonly [number, number] | null =>
      slots[2 * group + 1]! < 0 ? null : [slots[2 * group]! - from, slots[2 * group + 1]! - from],
    );
    return [[slots[2 * regex.groups.length]! - from, end - from], ...groups];
  };
}
