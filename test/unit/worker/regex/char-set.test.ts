import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ANY_CHARACTER,
  charSet,
  charsOf,
  has,
  intersect,
  LAST_CODE_POINT,
  negate,
  NO_CHARACTER,
  property,
  ranges,
  union,
} from "../../../../worker/regex/char-set.ts";
import { posixClass, propertyClass } from "../../../../worker/regex/classes.ts";
import { foldedClass, foldOf } from "../../../../worker/regex/folding.ts";

describe("sets of characters", () => {
  it.each([
    [[[5, 7]], [5, 7]],
    [
      [
        [5, 7],
        [8, 9],
      ],
      [5, 9],
    ],
    [
      [
        [8, 9],
        [5, 7],
        [6, 20],
      ],
      [5, 20],
    ],
    [
      [
        [1, 1],
        [3, 3],
        [2, 2],
      ],
      [1, 3],
    ],
    [
      [
        [10, 20],
        [12, 13],
      ],
      [10, 20],
    ],
    [[], []],
  ] as [[number, number][], number[]][])("%j is %j", (from, set) => {
    expect(charSet(from)).toEqual(set);
  });

  it("takes characters beyond the first plane as one", () => {
    expect(charsOf("😀a😁")).toEqual([97, 97, 0x1f600, 0x1f601]);
  });

  it("negates the whole and nothing", () => {
    expect(negate(NO_CHARACTER)).toEqual(ANY_CHARACTER);
    expect(negate(ANY_CHARACTER)).toEqual(NO_CHARACTER);
    expect(negate([0, 9])).toEqual([10, LAST_CODE_POINT]);
    expect(negate([10, LAST_CODE_POINT])).toEqual([0, 9]);
  });

  const anySet = fc
    .array(fc.tuple(fc.nat(60), fc.nat(5)), { maxLength: 8 })
    .map((list) => charSet(list.map(([from, length]) => [from, from + length])));

  it("agrees with sets of numbers", () => {
    fc.assert(
      fc.property(anySet, anySet, (a, b) => {
        for (let code = 0; code < 70; code++) {
          const [inA, inB] = [a, b].map((set) => ranges(set).some(([from, to]) => code >= from && code <= to));
          expect(has(a, code)).toBe(inA);
          expect(has(union(a, b), code)).toBe(inA || inB);
          expect(has(intersect(a, b), code)).toBe(inA && inB);
          expect(has(negate(a), code)).toBe(!inA);
        }
        expect(negate(negate(a))).toEqual(a);
      }),
    );
  });

  it("a property of Unicode holds what JavaScript finds, also beyond the first plane", () => {
    const letters = property("\\p{L}");
    for (const character of "aéΣж日𝒳") expect(has(letters, character.codePointAt(0)!), character).toBe(true);
    for (const character of "1 ٣😀_") expect(has(letters, character.codePointAt(0)!), character).toBe(false);
  });
});

describe("classes", () => {
  it("names of properties are taken with blanks, dashes and in any case", () => {
    for (const name of ["White_Space", "white space", "WHITE-SPACE"]) {
      expect(propertyClass(name), name).toEqual(property("\\p{White_Space}"));
    }
    expect(propertyClass("greek")).toEqual(property("\\p{Script=Greek}"));
    expect(propertyClass("lu")).toEqual(property("\\p{Lu}"));
    expect(propertyClass("nothing")).toBeUndefined();
    expect(posixClass("nothing")).toBeUndefined();
  });
});

describe("case", () => {
  it.each([
    ["A", "a"],
    ["\u212a", "k"],
    ["ſ", "s"],
    ["ς", "σ"],
    ["Σ", "σ"],
    ["ß", "ss"],
    ["ẞ", "ss"],
    ["ﬃ", "ffi"],
    ["İ", "i̇"],
    ["ı", "ı"],
    ["ǅ", "ǆ"],
    ["1", "1"],
  ])("%s folds to %s", (character, fold) => {
    expect(foldOf(character.codePointAt(0)!)).toBe(fold);
  });

  it.each([
    ["k", "k", "kK\u212a", []],
    // The sign of Kelvin is on the other side of ASCII's end.
    ["k", "", "kK", []],
    ["σ", "", "σςΣ", []],
    ["ß", "", "ßẞ", ["ss"]],
    // Onigmo loses what is added between U+0080 and U+00FF.
    ["É", "É", "É", []],
    ["é", "é", "é", []],
    ["Ÿ", "Ÿ", "Ÿ", []],
    ["ÿ", "ÿ", "ÿŸ", []],
    ["ā", "ā", "āĀ", []],
  ])("a class of %s, named itself: %j", (characters, explicit, holds, texts) => {
    const found = foldedClass(charsOf(characters), charsOf(explicit));
    expect(found).toEqual({ set: charsOf(holds), texts });
  });
});
