import { describe, expect, it } from "vitest";
import type { Candidate } from "../../../../worker/contract/line-parser.ts";
import { mergeBanks, parseBank } from "../../../../worker/grok/bank.ts";
import { createGrokParser } from "../../../../worker/grok/line-parser.ts";
import { KEPT_TEXT_BYTES } from "../../../../worker/parsers/unparsed.ts";

const BANK = parseBank(
  String.raw`
WORD \b\w+\b
INT [0-9]+
IP %{INT}\.%{INT}
HOST (?:%{IP}|[a-z]+)
HEAD %{WORD:program}\[%{INT:pid:int}\]:
`,
  "bank",
);

const parse = (line: string | Uint8Array, ...sources: string[]) => {
  const { json, ...rest } = createGrokParser(sources, BANK).parse(Buffer.from(line as string));
  return { document: JSON.parse(json) as unknown, ...rest };
};

describe("the document of a line", () => {
  it.each<[what: string, source: string, line: string, document: Record<string, unknown>]>([
    ["has what was captured", "%{WORD:a} %{INT:n:int}", "x 12", { message: "x 12", a: "x", n: 12 }],
    [
      "has lists where names repeat",
      "%{WORD:a} %{WORD:a} %{WORD:a}",
      "x y z",
      { message: "x y z", a: ["x", "y", "z"] },
    ],
    ["has a list where the message was captured", "%{WORD} %{WORD:message}", "x y", { message: ["x y", "y"] }],
    ["has fields in fields", "%{WORD:[a][b]} %{WORD:[a][c]}", "x y", { message: "x y", a: { b: "x", c: "y" } }],
    [
      "has `@metadata` when something was captured there",
      "%{WORD:[@metadata][a]}",
      "x",
      { message: "x", "@metadata": { a: "x" } },
    ],
    ["leaves out what took no part, or is empty", "x(?<a>y)?(?<b>z*)", "x", { message: "x" }],
    ["knows a message of several lines", "a.%{WORD:w}$", "a\nb\nc", { message: "a\nb\nc", w: "b" }],
    ["counts characters, not bytes", "(?<a>.)(?<b>.)%{WORD:c}", "č😀x", { message: "č😀x", a: "č", b: "😀", c: "x" }],
    ["keeps NUL and control characters", "(?<a>.)", "\0\u001b", { message: "\0\u001b", a: "\0" }],
    ["is tagged for a miss", "%{INT:n}", "x", { message: "x", tags: ["_grokparsefailure"] }],
    ["is tagged for a miss of nothing", "x", "", { message: "", tags: ["_grokparsefailure"] }],
    [
      "knows names that objects have",
      "(?<__proto__>x)(?<constructor>y)",
      "xy",
      JSON.parse('{"message":"xy","__proto__":"x","constructor":"y"}'),
    ],
  ])("%s", (_, source, line, document) => {
    expect(parse(line, source).document).toEqual(document);
  });

  it("has what the first expression that matches captured, and that alone", () => {
    const sources = ["%{INT:n}$", "%{WORD:a}", "%{WORD:b}"];
    expect(parse("x", ...sources)).toMatchObject({ document: { a: "x" }, outcome: "matched", by: "%{WORD:a}" });
    expect(parse("x", ...sources).document).not.toHaveProperty("b");
    expect(parse("-", ...sources)).toMatchObject({ outcome: "missed" });
  });

  it("has U+FFFD for what is no UTF-8, and a tag before any other", () => {
    const bytes = Buffer.from("caf\xe9 \xff 1", "latin1");
    const document = { message: "caf� � 1", n: "1", tags: ["_bad_utf8"] };
    expect(parse(bytes, "%{INT:n}")).toMatchObject({ document, flaws: ["bad-utf8"] });
    expect(parse(bytes, "nothing").document).toMatchObject({ tags: ["_bad_utf8", "_grokparsefailure"] });
    expect(parse("a � that was written", "a").flaws).toEqual([]);
  });

  it("has the beginning of a giant line, cut between characters, and a tag", () => {
    const { document, flaws } = parse(
      Buffer.concat([Buffer.alloc(KEPT_TEXT_BYTES - 1, "a"), Buffer.from("č rest")]),
      "^a",
    );
    const { message, tags } = document as { message: string; tags: readonly string[] };
    expect(message.length).toBe(KEPT_TEXT_BYTES - 1);
    expect(message.endsWith("a")).toBe(true);
    expect(tags).toEqual(["_truncated"]);
    expect(flaws).toEqual(["truncated"]);
  });

  it("is given up, tagged and named, when matching takes too long; nothing else is tried", () => {
    const hostile = "(?:a|a|b|ab)*c";
    expect(parse("ab".repeat(40), hostile, "%{WORD:w}")).toEqual({
      document: { message: "ab".repeat(40), tags: ["_groktimeout"] },
      outcome: "given-up",
      by: hostile,
      flaws: [],
    });
  });
});

describe("the explanation of a line", () => {
  const explain = (line: string, ...sources: string[]) => createGrokParser(sources, BANK).explain(Buffer.from(line));

  it("holds the same document", () => {
    const parser = createGrokParser(["%{INT:n}$", "%{WORD:a}"], BANK);
    for (const line of ["x", "1", "-", "\xff"]) {
      const { candidates, ...rest } = parser.explain(Buffer.from(line, "latin1"));
      expect(rest).toEqual(parser.parse(Buffer.from(line, "latin1")));
      expect(candidates.at(-1)?.outcome).toBe(rest.outcome);
    }
  });

  it("names the candidates in order, up to the one that decided", () => {
    const outcomes = ({ pattern, outcome }: Candidate) => [pattern, outcome];
    const sources = ["%{INT:n}", "%{WORD:a}", "%{WORD:b}"];
    expect(explain("x", ...sources).candidates.map(outcomes)).toEqual([
      ["%{INT:n}", "missed"],
      ["%{WORD:a}", "matched"],
    ]);
    expect(explain("-", ...sources).candidates.map(outcomes)).toEqual(sources.map((source) => [source, "missed"]));
  });

  it.each<[source: string, line: string, column: number, element: string, within?: string[], from?: number]>([
    // A piece of text, by its whole.
    ["%{HEAD} Accepted %{WORD}", "sshd[12]: Rejected x", 11, '" Accepted "'],
    ["%{HEAD} Accepted %{WORD}", "sshd[12]: Accept x", 17, '" Accepted "'],
    // An element, with those around it.
    ["%{HEAD} %{INT:n}", "sshd[12]: x", 11, "%{INT:n}"],
    ["%{HEAD} %{INT:n}", "sshd[x]: 1", 6, "%{INT:pid:int}", ["%{HEAD}"]],
    ["from %{HOST:h}", "from 10.", 9, "%{INT}", ["%{HOST:h}", "%{IP}"]],
    // Text of a definition.
    ["%{HEAD}", "sshd: x", 5, String.raw`"["`, ["%{HEAD}"]],
    // Where more was wanted.
    ["%{HEAD} x", "sshd[12]:", 10, '" x"'],
    ["x", "", 1, '"x"'],
    // The longest attempt, wherever it began.
    ["ab%{INT}c", "xx ab12d a", 8, '"c"', [], 4],
    // What takes anything does not count: it goes on to the end.
    ["(?:%{WORD} %{WORD}|.*) - %{INT}x", "a b - 1 and", 8, '"x"'],
    ["(?<a>.*) foo", "here is no end", 12, '" foo"'],
    // What stands outside of elements.
    ["a[0-9b]c", "axc", 2, "[0-9b]"],
    ["a[^b]c", "ab", 2, "[^b]"],
    ["a.", "a", 2, "any character"],
    ["ab$", "abc", 3, "$"],
    ["a(?!b)", "ab", 2, "(?!…)"],
    ["a(?<=b)", "a", 2, "(?<=…)"],
    [String.raw`(?<q>['"])a\k<q>`, `'a"`, 3, "a back reference"],
    // Characters beyond two bytes are one column.
    ["č😀x", "č😀y", 3, '"č😀x"'],
    // Possessive and counted ones.
    ["a++b", "aac", 3, '"b"'],
    ["(?>ab)c", "abd", 3, '"c"'],
    ["(?:ab){2}", "abac", 4, '"ab"'],
  ])("%s got into %j as far as column %i", (source, line, column, element, within = [], from = 1) => {
    expect(explain(line, source).candidates).toEqual([
      { pattern: source, outcome: "missed", reached: { from, column, element, within } },
    ]);
  });
});

describe("a definition that is off", () => {
  const bank = mergeBanks(
    BANK,
    parseBank("# mine\nBAD (a\nUSES %{WORD} %{BAD}\nGONE %{NOWHERE}\nROUND %{ROUND}\n", "dir/mine"),
  );

  it.each([
    ["%{USES}", "REGEX_INVALID", "(%{BAD} is defined in dir/mine:2)"],
    ["%{GONE}", "GROK_UNDEFINED", "(%{GONE} is defined in dir/mine:4)"],
    ["%{ROUND}", "GROK_CYCLE", "(%{ROUND} is defined in dir/mine:5)"],
  ])("%s is named with file and line", (source, code, says) => {
    const error = expect.objectContaining({ code, message: expect.stringContaining(says) as string }) as Error;
    expect(() => createGrokParser([source], bank)).toThrow(error);
  });

  it("in the expression itself has none", () => {
    expect(() => createGrokParser(["%{NOWHERE}"], bank)).toThrow(/that does$/);
  });
});
