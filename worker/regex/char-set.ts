/**
 * Sets of characters (Unicode code points), as ranges: `[from, to, from, to, …]`, both ends included, ascending, with a
 * gap between each two.
 */
export type CharSet = readonly number[];

export const LAST_CODE_POINT = 0x10ffff;
export const NO_CHARACTER: CharSet = [];
export const ANY_CHARACTER: CharSet = [0, LAST_CODE_POINT];

/** Bytes of a character in UTF-8. */
export function utf8Length(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}

const KNOWN = new Map<string, CharSet>();

/** The one array for these ranges: expressions have tens of thousands of places and a few hundred sets. */
function shared(set: CharSet): CharSet {
  const key = set.join();
  const known = KNOWN.get(key);
  // As long as it is: pushing leaves room for more.
  if (!known) KNOWN.set(key, (set = set.slice()));
  return known ?? set;
}

/** From ranges in any order, which may touch and overlap. */
export function charSet(ranges: readonly (readonly [from: number, to: number])[]): CharSet {
  const sorted = ranges.toSorted(([a], [b]) => a - b);
  const set: number[] = [];
  for (const [from, to] of sorted) {
    const last = set.length - 1;
    if (last > 0 && from <= set[last]! + 1) set[last] = Math.max(set[last]!, to);
    else set.push(from, to);
  }
  return shared(set);
}

/** The characters of a text. */
export function charsOf(text: string): CharSet {
  return charSet(Array.from(text, (character) => [character.codePointAt(0)!, character.codePointAt(0)!]));
}

export function union(...sets: readonly CharSet[]): CharSet {
  return charSet(sets.flatMap((set) => ranges(set)));
}

export function negate(set: CharSet): CharSet {
  const rest: number[] = [];
  let from = 0;
  for (const [first, last] of ranges(set)) {
    if (first > from) rest.push(from, first - 1);
    from = last + 1;
  }
  if (from <= LAST_CODE_POINT) rest.push(from, LAST_CODE_POINT);
  return shared(rest);
}

export function intersect(a: CharSet, b: CharSet): CharSet {
  return negate(union(negate(a), negate(b)));
}

export function ranges(set: CharSet): [from: number, to: number][] {
  return Array.from({ length: set.length / 2 }, (_, i) => [set[2 * i]!, set[2 * i + 1]!]);
}

export function has(set: CharSet, codePoint: number): boolean {
  let low = 0;
  let high = set.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (codePoint > set[2 * middle + 1]!) low = middle + 1;
    else high = middle;
  }
  return low < set.length / 2 && codePoint >= set[2 * low]!;
}

const PROPERTIES = new Map<string, CharSet>();
/** So many characters are looked at together: all of them in one text take 100 MB. */
const BLOCK = 4096;

/**
 * The characters that a class of JavaScript's (flag `v`) holds. Looking at all of them takes some 20 ms, once for each class.
 * @throws SyntaxError for a property that Unicode does not have
 */
export function property(source: string): CharSet {
  const known = PROPERTIES.get(source);
  if (known) return known;
  const runs = new RegExp(`${source}+`, "gv");
  const found: [number, number][] = [];
  for (let first = 0; first <= LAST_CODE_POINT; first += BLOCK) {
    for (const { 0: run } of charactersFrom(first).matchAll(runs)) {
      // A run of characters that follow each other, but for the surrogates, which are none.
      const isPair = (run.charCodeAt(run.length - 1) & 0xfc00) === 0xdc00;
      found.push([run.codePointAt(0)!, run.codePointAt(run.length - (isPair ? 2 : 1))!]);
    }
  }
  const set = charSet(found);
  PROPERTIES.set(source, set);
  return set;
}

function charactersFrom(first: number): string {
  const codes = Array.from({ length: BLOCK }, (_, i) => first + i).filter((code) => code < 0xd800 || code > 0xdfff);
  return String.fromCodePoint(...codes);
}
