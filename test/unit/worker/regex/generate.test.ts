import { expect, it } from "vitest";
import { compileRegex } from "../../../../worker/regex/compile.ts";
import { generateMatcher } from "../../../../worker/regex/generate.ts";
import { parseRegex } from "../../../../worker/regex/parse.ts";

function endOf(source: string, text: string): number {
  const { match, slots } = compileRegex(parseRegex(source));
  const bytes = Buffer.from(text);
  return match(bytes, 0, bytes.length, new Int32Array(slots));
}

it("repetitions in each other are not written out for ever", () => {
  const nested = (depth: number) => `^${"(?:".repeat(depth)}a${")+".repeat(depth)}$`;
  expect(generateMatcher(parseRegex(nested(20))).body.length).toBeLessThan(1_000_000);
  expect(endOf(nested(20), "aaa")).toBe(3);
});

// Each looked at all behind it, for each of them: minutes.
it("ten thousand alternatives are written one after the other", { timeout: 60_000 }, () => {
  const words = Array.from({ length: 10_000 }, (_, n) => `word${String(n)}x`);
  expect(endOf(`^(?:${words.join("|")})$`, "word9999x")).toBe(9);
});
