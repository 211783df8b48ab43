import { charSet, has, property, ranges, union, type CharSet } from "./char-set.ts";
import { choice, sequence, type Node } from "./syntax.ts";

/**
 * Case as Onigmo leaves it out: two texts are the same when their full folds are, so that `ß` is `ss`, and `ﬃ` is `ffi`.
 * @source Unicode CaseFolding.txt, status C and F; here by way of JavaScript's upper and lower case, which a comparison
 *   of all characters with Ruby's `downcase(:fold)` found to be the same
 */
interface Folds {
  /** Of every character that has another fold than itself. */
  readonly of: ReadonlyMap<number, string>;
  /** Characters by fold; a letter of one character folds to itself or to another. */
  readonly by: ReadonlyMap<string, readonly number[]>;
  /** Folds of more than one character, the shorter first. */
  readonly long: readonly string[];
}

let known: Folds | undefined;

function folds(): Folds {
  if (known) return known;
  const of = new Map<number, string>();
  const by = new Map<string, number[]>();
  for (const [from, to] of ranges(property("[\\p{Changes_When_Casemapped}\\p{Changes_When_Casefolded}]"))) {
    for (let code = from; code <= to; code++) {
      const folded = foldAgain(String.fromCodePoint(code));
      of.set(code, folded);
      by.set(folded, [...(by.get(folded) ?? []), code]);
    }
  }
  const long = [...by.keys()].filter((fold) => lengthOf(fold) > 1).sort((a, b) => lengthOf(a) - lengthOf(b));
  known = { of, by, long };
  return known;
}

/** Until nothing changes: `ẞ` is `ß` first and `ss` then. The dotless `ı` has no other case. */
function foldAgain(text: string): string {
  if (text === "ı") return text;
  const folded = Array.from(text.toUpperCase(), (character) => character.toLowerCase()).join("");
  return folded === text ? text : foldAgain(folded);
}

const lengthOf = (text: string): number => Array.from(text).length;

/** The full fold of a character. */
export function foldOf(code: number): string {
  return folds().of.get(code) ?? String.fromCodePoint(code);
}

/** The characters with this fold. */
function withFold(fold: string): readonly number[] {
  const [code] = Array.from(fold, (character) => character.codePointAt(0)!);
  return folds().by.get(fold) ?? (lengthOf(fold) === 1 ? [code!] : []);
}

const setOf = (codes: readonly number[]): CharSet => charSet(codes.map((code) => [code, code]));

const isAscii = (code: number): boolean => code < 0x80;

/** Onigmo loses what a class gains there: `(?i)[É-Ü]` holds no `é`, though `(?i)É` is `é`. */
const isLost = (code: number): boolean => code >= 0x80 && code <= 0xff;

/**
 * A class whose case does not matter, as Onigmo makes it: with every letter its other cases, and the texts of several
 * letters that one of its characters stands for.
 * @param explicit the class without what stands in it as `\w`, `[:word:]` and `[:ascii:]`: only its characters have another
 *   case on the other side of ASCII's end (`k` has `K`, the sign of Kelvin)
 * @source Onigmo regparse.c, i_apply_case_fold
 */
export function foldedClass(set: CharSet, explicit: CharSet): { readonly set: CharSet; readonly texts: string[] } {
  const { of, long } = folds();
  const added: number[] = [];
  const reaches = (from: number, to: number): boolean => isAscii(from) === isAscii(to) || has(explicit, from);
  for (const [code, fold] of of) {
    if (!has(set, code)) continue;
    for (const other of withFold(fold)) if (!isLost(other) && reaches(code, other)) added.push(other);
  }
  const texts = long.filter((text) => withFold(text).some((code) => has(set, code)));
  return { set: union(set, setOf(added)), texts };
}

/** Ways that a text can be written in are multiplied by each of its `ss`, `ff` …; Onigmo itself gives up much earlier. */
const MOST_WAYS = 100;

/**
 * What a literal text matches when case does not matter. A letter that folds to several stands for them; several next to
 * each other stand for a letter that folds to them.
 * @returns the node, and whether its matches differ in length; `undefined` when there are too many ways to write the
 *   text, or when a letter could stand for a part of another one and what is next to it (`ßs` is `sß` for Onigmo, but
 *   `sß` is not `ßs`)
 */
export function foldedText(text: string): { readonly node: Node; readonly varies: boolean } | undefined {
  const parts = Array.from(text, (character) => foldOf(character.codePointAt(0)!));
  const fold = parts.join("");
  let at = 0;
  for (const part of parts) {
    const [from, to] = [at, at + part.length];
    if (lengthOf(part) > 1 && [from, to].some((border) => isCrossed(fold, border))) return undefined;
    at = to;
  }
  return foldedRun(fold);
}

/** Whether a letter can stand for the end of a text and its begin behind it, when case does not matter. */
export function growsTogether(text: string): boolean {
  const fold = Array.from(text, (character) => foldOf(character.codePointAt(0)!)).join("");
  return isCrossed(fold + fold, fold.length);
}

/** Whether a letter can stand for what is on both sides of a place in a text. */
function isCrossed(fold: string, border: number): boolean {
  return folds().long.some((text) => {
    for (let at = Math.max(0, border - text.length + 1); at < border; at++) if (fold.startsWith(text, at)) return true;
    return false;
  });
}

/** A text of folded letters: each piece that no letter of several reaches out of is a choice of the ways to write it. */
export function foldedRun(fold: string): { readonly node: Node; readonly varies: boolean } | undefined {
  const letters = Array.from(fold);
  const { long } = folds();
  const longAt = letters.map((_, at) => long.filter((text) => fold.startsWith(text, offsetOf(letters, at))));
  const nodes: Node[] = [];
  let varies = false;
  for (let from = 0; from < letters.length;) {
    let to = from + 1;
    for (let at = from; at < to; at++) for (const text of longAt[at]!) to = Math.max(to, at + lengthOf(text));
    const ways = waysToWrite(letters, longAt, from, to);
    if (ways.length > MOST_WAYS) return undefined;
    varies ||= ways.length > 1;
    nodes.push(choice(ways));
    from = to;
  }
  return { node: sequence(nodes), varies };
}

const offsetOf = (letters: readonly string[], at: number): number => letters.slice(0, at).join("").length;

/** At most one of them matches at a place, because a text has one fold only. */
function waysToWrite(
  letters: readonly string[],
  longAt: readonly (readonly string[])[],
  from: number,
  to: number,
): Node[] {
  if (from === to) return [sequence([])];
  const ways: Node[] = [];
  for (const text of [letters[from]!, ...longAt[from]!]) {
    const here: Node = { kind: "set", set: setOf(withFold(text)) };
    for (const rest of waysToWrite(letters, longAt, from + lengthOf(text), to)) ways.push(sequence([here, rest]));
    if (ways.length > MOST_WAYS) return ways;
  }
  return ways;
}
