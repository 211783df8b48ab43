import { describe, expect, it } from "vitest";
import { compileRegex, TOO_MANY_STEPS } from "../../../../worker/regex/compile.ts";
import { dangerOf } from "../../../../worker/regex/danger.ts";
import { parseRegex } from "../../../../worker/regex/parse.ts";

describe("dangerous expressions", () => {
  it.each([
    ["^(?:a+)+$", "a"],
    ["^(?:a|a)*$", "a"],
    ["^(?:\\w+\\s?)*$", "a"],
    ["^(?:.*,){12}P", ","],
    ["^(?:[a-z]+|[a-z0-9]+)+:", "a"],
    ["x(?:a*?a*)+y", "a"],
  ])("%s is found, with a text that shows it", (pattern, pump) => {
    const regex = parseRegex(pattern);
    const found = dangerOf(regex)!;
    expect(found.pump).toContain(pump);
    const text = Buffer.from(found.prefix + found.pump.repeat(found.times) + found.suffix);
    expect(text.length).toBeLessThanOrEqual(1100);
    const { match, slots } = compileRegex(regex);
    expect(match(text, 0, text.length, new Int32Array(slots))).toBe(TOO_MANY_STEPS);
  });

  it.each([
    "^(?>a+)+$",
    "^(?:a+,)*$",
    "^Accepted [^ ]+ for .* from [^ ]+ port [0-9]+",
    "^(?:[a-z]++|[0-9]++)+:",
    ".*foo.*bar",
    "^[^ ]+(?: [^ ]+)*$",
  ])("%s is not", (pattern) => {
    expect(dangerOf(parseRegex(pattern))).toBeUndefined();
  });
});
