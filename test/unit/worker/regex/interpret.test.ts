import { describe, expect, it } from "vitest";
import { codePoints, interpretRegex, noReach } from "../../../../worker/regex/interpret.ts";
import { parseRegex } from "../../../../worker/regex/parse.ts";

describe("the limit of steps", () => {
  const hostile = interpretRegex(parseRegex("(?:a+)+b"));

  it("gives a hostile line up, and says so", () => {
    expect(hostile(codePoints("a".repeat(40)), 10_000)).toBe("too-many-steps");
  });

  it("counts over all starts of one line, and anew for the next line", () => {
    const plain = interpretRegex(parseRegex("ab"));
    const text = codePoints("x".repeat(50));
    expect(plain(text, 10)).toBe("too-many-steps");
    expect(plain(text, 1000)).toBeUndefined();
    expect(plain(text, 1000)).toBeUndefined();
    expect(plain(codePoints("ab"), 10)).toMatchObject({ start: 0, end: 2 });
  });

  it("holds inside a look-ahead, an atomic group and a possessive repetition", () => {
    for (const pattern of ["(?=(?:a+)+b)", "(?!(?:a+)+b)a", "(?>(?:a+)+b)", "(?:(?:a+)+b)++", "(?:(?:a+)+b)?+"]) {
      expect(interpretRegex(parseRegex(pattern))(codePoints("a".repeat(40)), 10_000), pattern).toBe("too-many-steps");
    }
  });

  it("a limit that is just enough changes nothing", () => {
    const text = codePoints("aaab");
    const steps = Array.from({ length: 100 }, (_, i) => i).find((limit) => hostile(text, limit) !== "too-many-steps")!;
    expect(steps).toBeGreaterThan(1);
    expect(hostile(text, steps)).toEqual(hostile(text));
    expect(hostile(text, steps - 1)).toBe("too-many-steps");
  });
});

describe("how far a miss came", () => {
  it.each([
    ["user \\d+ from", "a user 12 to", 10],
    ["user \\d+ from", "user 12 user x", 8],
    ["user \\d+ from", "user x user 12", 14],
    ["a|bc|bd", "bx", 1],
    ["^x", "abc", 0],
    ["(?=ab)ac", "ab", 1],
  ])("%s on %s", (pattern, text, at) => {
    const reach = noReach();
    expect(interpretRegex(parseRegex(pattern))(codePoints(text), Infinity, reach)).toBeUndefined();
    expect(reach.at).toBe(at);
    expect(reach.node).toBeDefined();
  });
});
