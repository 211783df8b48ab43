import { expect, it } from "vitest";
import { compileRegex, NO_MATCH } from "../../../../worker/regex/compile.ts";
import { generateMatcher } from "../../../../worker/regex/generate.ts";
import { parseRegex } from "../../../../worker/regex/parse.ts";

function matcherOf(source: string): (text: string) => number {
  const { match, slots } = compileRegex(parseRegex(source));
  return (text) => {
    const bytes = Buffer.from(text);
    return match(bytes, 0, bytes.length, new Int32Array(slots));
  };
}

const nested = (depth: number) => `^${"(?:".repeat(depth)}a${")+".repeat(depth)}$`;
const sizeOf = (source: string) => generateMatcher(parseRegex(source)).body.length;

it("repetitions in each other are not written out twice at each level", () => {
  expect(sizeOf(nested(16))).toBeLessThan(2 * sizeOf(nested(12)));
});

it("a repetition whose rounds are counted for that reason matches alike", () => {
  const ending = matcherOf(nested(10));
  expect([ending("a"), ending("aaa"), ending(""), ending("b")]).toEqual([1, 3, NO_MATCH, NO_MATCH]);
});

// Where each looks at all behind it, this takes longer than a test may.
it("thousands of alternatives, and of parts of a sequence, are written one after the other", () => {
  const words = Array.from({ length: 3000 }, (_, n) => `word${String(n)}x`);
  const ending = matcherOf(`^(?:${words.join("|")})$`);
  expect([ending("word0x"), ending("word2999x"), ending("word3000x")]).toEqual([6, 9, NO_MATCH]);
  expect(matcherOf(`^${"(?:a|b)?c*".repeat(3000)}$`)("abcabc")).toBe(6);
});
