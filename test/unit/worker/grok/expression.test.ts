import { describe, expect, it } from "vitest";
import { parseBank } from "../../../../worker/grok/bank.ts";
import { parseExpression } from "../../../../worker/grok/expression.ts";

const BANK = parseBank(
  String.raw`
WORD \w+
INT [0-9]+
PAIR %{WORD:key}=%{INT:value:int}
LINE %{PAIR}(?: %{PAIR:pair})?
LOST a%{GONE}
FURTHER b%{LOST}
A %{B}
B x%{C}
C %{A:again}
ITSELF a|%{ITSELF}
`,
  "bank",
);

describe("the captures of an expression", () => {
  const captures = (source: string, named?: boolean) =>
    parseExpression(source, BANK, named).captures.map(({ path, type, groups }) => [
      path.join("."),
      type,
      groups.length,
    ]);

  it.each<[source: string, captures: (readonly [string, string, number])[]]>([
    ["%{WORD}", []],
    ["%{WORD:a}", [["a", "string", 1]]],
    ["%{INT:a:int}", [["a", "int", 1]]],
    ["%{WORD:[a][b]}", [["a.b", "string", 1]]],
    ["%{WORD:[a][b]:long}", [["a.b", "long", 1]]],
    ["%{WORD:[@metadata][x]}", [["@metadata.x", "string", 1]]],
    [
      "(?<a>x) %{WORD:b}",
      [
        ["a", "string", 1],
        ["b", "string", 1],
      ],
    ],
    ["(?<[a][b]>x)", [["a.b", "string", 1]]],
    ["(?<a:int>1)", [["int", "string", 1]]],
    [
      "%{WORD:a} %{WORD:b} %{WORD:a}",
      [
        ["a", "string", 2],
        ["b", "string", 1],
      ],
    ],
    [
      "%{PAIR}",
      [
        ["key", "string", 1],
        ["value", "int", 1],
      ],
    ],
    [
      "%{LINE}",
      [
        ["key", "string", 2],
        ["value", "int", 2],
        ["pair", "string", 1],
      ],
    ],
    ["%{OWN:x=[ab]+}", [["x", "string", 1]]],
    ["%{OWN=[ab]+}%{OWN:y}", [["y", "string", 1]]],
    ["( %{WORD})", []],
    ["100%{ } %%{WORD:a}", [["a", "string", 1]]],
  ])("%s", (source, expected) => {
    expect(captures(source)).toEqual(expected);
  });

  it("take names of patterns too, when that is wanted", () => {
    expect(captures("%{WORD} %{INT:n}", false)).toEqual([
      ["WORD", "string", 1],
      ["n", "string", 1],
    ]);
  });
});

describe("an expression that is off", () => {
  it.each<[source: string, code: string, says: RegExp]>([
    ["%{NOWHERE}", "GROK_UNDEFINED", /^there is no definition of %\{NOWHERE\}; define it, or/],
    ["%{word:a}", "GROK_UNDEFINED", /did you mean WORD\?$/],
    ["%{FURTHER}", "GROK_UNDEFINED", /^there is no definition of %\{GONE\} \(%\{FURTHER\} → %\{LOST\} → %\{GONE\}\)/],
    ["%{A}", "GROK_CYCLE", /^%\{A\} is defined by itself: A → B → C → A\./],
    ["x %{B}", "GROK_CYCLE", /B → C → A → B/],
    ["%{ITSELF}", "GROK_CYCLE", /ITSELF → ITSELF/],
    ["%{WORD:a:integer}", "GROK_TYPE", /^%\{WORD:a:integer\}: there is no type integer; the types are string, int/],
    ["%{WORD:a}(", "REGEX_INVALID", /^column 10 of `%\{WORD:a\}\(`: a `\(` without its `\)`/],
    ["%{BAD=*a}", "REGEX_INVALID", /^column 1 of `\*a` \(in the definition %\{BAD\}\)/],
    ["a(?~b)", "REGEX_UNSUPPORTED", /^column 2 of .*the absence operator/],
    ["%{WORD:[a}", "PIPELINE_INVALID", /"\[a" is no field reference/],
  ])("%s", (source, code, says) => {
    const error = expect.objectContaining({ code, message: expect.stringMatching(says) as string }) as Error;
    expect(() => parseExpression(source, BANK)).toThrow(error);
  });
});
