import { describe, expect, it } from "vitest";
import { FirstWord, LONGEST_WORD, SEARCHED_BYTES } from "../../../../worker/parsers/first-word.ts";

function firstWord(message: string): string {
  const word = new FirstWord();
  const src = Buffer.from(`before${message}`);
  word.find(src, 6, src.length);
  return word.text;
}

describe("the first word of a message", () => {
  it.each([
    ["Connection closed by 10.0.0.1", "Connection"],
    ["pam_unix(cron:session): session closed", "pam_unix"],
    ["error: PAM: failure", "error"],
    // Digits group.
    ["[12345.678] eth0: link up", "eth#"],
    ["job123abc45 done", "job#abc#"],
    // What begins with a digit is a value.
    ["4F9D195432C: to=<a@b>", "to"],
    ["10.0.0.1 went away", "went"],
    ["123.meta-pbs.example.org queued", "queued"],
    // Joints belong to a word, but not at its ends.
    ["/usr/sbin/cron: ran", "usr/sbin/cron"],
    ["-- MARK --", "MARK"],
    ["Started.", "Started"],
    ["-5x y", "y"],
    // None
    ["", ""],
    ["1 2 3 [4]", ""],
    ["---", ""],
    // Not ASCII
    ["Příliš žluťoučký", "Příliš"],
    ["\u{1f434}1\u{1f434} neighs", "\u{1f434}#\u{1f434}"],
  ])("of %j is %j", (message, word) => {
    expect(firstWord(message)).toBe(word);
  });

  it("is cut at a whole character", () => {
    expect(firstWord("x".repeat(100))).toBe("x".repeat(LONGEST_WORD));
    expect(firstWord("x" + "é".repeat(100))).toBe("x" + "é".repeat(15));
    expect(firstWord(`a${"1".repeat(1000)}b`)).toBe("a#");
  });

  it("is not looked for for ever", () => {
    expect(firstWord(" ".repeat(SEARCHED_BYTES - 1) + "word")).toBe("w");
    expect(firstWord(" ".repeat(SEARCHED_BYTES) + "word")).toBe("");
    expect(firstWord("1".repeat(SEARCHED_BYTES * 2) + " word")).toBe("");
  });
});
