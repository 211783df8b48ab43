import type { RegexCompiler } from "../filters/filter.ts";
import { compileRegex, NO_MATCH, TOO_MANY_STEPS, type Matcher } from "./compile.ts";
import { parseRegex } from "./parse.ts";
import type { Regex } from "./syntax.ts";
import { TextBytes } from "./text-bytes.ts";

/** Regular expressions for filters and conditions, which look for them in texts of JavaScript. */
export const regexCompiler: RegexCompiler = regexCompilerWith(compileRegex);

/** The same with other matchers, to compare with. */
export function regexCompilerWith(matcherOf: (regex: Regex) => Matcher): RegexCompiler {
  return { compile: (source) => search(parseRegex(source, { keepNumbered: true }), matcherOf) };
}

function search(regex: Regex, matcherOf: (regex: Regex) => Matcher): ReturnType<RegexCompiler["compile"]> {
  const { match, slots: count } = matcherOf(regex);
  const slots = new Int32Array(count);
  const names = new Map(regex.groups.flatMap(({ name }, i) => (name === undefined ? [] : [[name, i + 1] as const])));
  const searched = new SearchedText();
  return {
    exec(text, from) {
      if (from > text.length) return undefined;
      searched.take(text);
      const { bytes, length } = searched;
      const found = match(bytes, 0, length, slots, searched.byteAt(from));
      if (found === NO_MATCH) return undefined;
      if (found === TOO_MANY_STEPS) return "over-budget";
      const groups = regex.groups.map((_, group) =>
        slots[2 * group + 1]! < 0 ? undefined : bytes.toString("utf8", slots[2 * group], slots[2 * group + 1]),
      );
      const start = searched.characterAt(slots[2 * groups.length]!);
      return { start, end: searched.characterAt(found), groups, names };
    },
  };
}

/** A text with its bytes, and positions in the one as positions in the other. Asking in ascending order costs least. */
class SearchedText {
  #text = "";
  readonly #kept = new TextBytes();
  #isAscii = true;
  /** A place that is known in both. */
  #character = 0;
  #byte = 0;

  /** Whoever looks for all matches asks again and again for one text. */
  take(text: string): void {
    if (text === this.#text) return;
    this.#kept.take(text);
    this.#text = text;
    this.#isAscii = this.length === text.length;
    this.#character = this.#byte = 0;
  }

  get bytes(): Buffer {
    return this.#kept.bytes;
  }
  get length(): number {
    return this.#kept.length;
  }

  byteAt(character: number): number {
    if (this.#isAscii) return character;
    if (character < this.#character) this.#character = this.#byte = 0;
    this.#byte += Buffer.byteLength(this.#text.slice(this.#character, character));
    this.#character = character;
    return this.#byte;
  }

  characterAt(byte: number): number {
    if (this.#isAscii) return byte;
    if (byte < this.#byte) this.#character = this.#byte = 0;
    this.#character += this.bytes.toString("utf8", this.#byte, byte).length;
    this.#byte = byte;
    return this.#character;
  }
}
