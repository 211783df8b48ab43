import { charSet, charsOf, negate, property, union, type CharSet } from "./char-set.ts";

/** @source Onigmo's doc/RE, ONIG_SYNTAX_RUBY: `\d \s \w \h` are ASCII, POSIX brackets and `\b` are Unicode's */
const ASCII = charSet([[0, 0x7f]]);
const DIGIT = charSet([[48, 57]]);
const LETTER = charSet([
  [65, 90],
  [97, 122],
]);
const HEX = charSet([
  [48, 57],
  [65, 70],
  [97, 102],
]);
const SPACE = charSet([
  [9, 13],
  [32, 32],
]);
const ASCII_WORD = union(LETTER, DIGIT, charsOf("_"));

/** `\d` and its like; the upper-case letter is the complement. */
export const ESCAPED_CLASSES: ReadonlyMap<string, CharSet> = new Map([
  ["d", DIGIT],
  ["s", SPACE],
  ["w", ASCII_WORD],
  ["h", HEX],
  ["D", negate(DIGIT)],
  ["S", negate(SPACE)],
  ["W", negate(ASCII_WORD)],
  ["H", negate(HEX)],
]);

/** What `\b` takes for a part of a word. */
export const wordCharacters = (): CharSet => property("[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]");

/** @source Onigmo's doc/RE, "POSIX bracket", Unicode case */
const POSIX: ReadonlyMap<string, () => CharSet> = new Map([
  ["alnum", () => property("[\\p{Alphabetic}\\p{Nd}]")],
  ["alpha", () => property("\\p{Alphabetic}")],
  ["ascii", () => ASCII],
  ["blank", () => property("[\\p{Zs}\\t]")],
  ["cntrl", () => property("\\p{Cc}")],
  ["digit", () => property("\\p{Nd}")],
  ["graph", () => property("[^\\p{White_Space}\\p{Cc}\\p{Cn}\\p{Cs}]")],
  ["lower", () => property("\\p{Lowercase}")],
  ["print", () => property("[[^\\p{White_Space}\\p{Cc}\\p{Cn}\\p{Cs}]\\p{Zs}]")],
  ["punct", () => union(property("\\p{P}"), charsOf("$+<=>^`|~"))],
  ["space", () => property("\\p{White_Space}")],
  ["upper", () => property("\\p{Uppercase}")],
  ["word", wordCharacters],
  ["xdigit", () => HEX],
]);

/** The set of a POSIX bracket's name, `undefined` for one that there is not. */
export function posixClass(name: string): CharSet | undefined {
  return POSIX.get(name)?.();
}

/**
 * `\p{name}`: a POSIX bracket's name, a general category, a script, or a binary property of Unicode, in any case and
 * with blanks or `-` for `_`, as Onigmo takes them. `undefined` for one that there is not.
 */
export function propertyClass(name: string): CharSet | undefined {
  const plain = name.replaceAll(/[ _-]/g, "").toLowerCase();
  if (plain === "any") return property("\\p{Any}");
  // Without the symbols that the bracket has besides.
  if (plain === "punct") return property("\\p{P}");
  const posix = posixClass(plain);
  if (posix) return posix;
  for (const spelling of [name, name.toUpperCase(), capitalised(name), plain[0]?.toUpperCase() + plain.slice(1)]) {
    for (const form of [`\\p{${spelling}}`, `\\p{Script=${spelling}}`]) {
      try {
        return property(form);
      } catch {
        // Another spelling may be one.
      }
    }
  }
  return undefined;
}

function capitalised(name: string): string {
  return name
    .split(/[ _-]/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join("_");
}
