import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../worker/contract/errors.ts";
import { parseRegex, type Reference } from "../../../../worker/regex/parse.ts";

const DEFINITIONS: Readonly<Record<string, string>> = {
  FINE: "a+",
  BROKEN: "ab(c",
  ABSENCE: "x(?~y)",
  OUTER: "é%{INNER}",
  INNER: "%{ABSENCE}",
  BEHIND: "a|bc",
  CYCLE: "%{CYCLE}",
  LONG: "(?<=%{BEHIND}d*)e",
};

function resolve(inside: string): Reference | undefined {
  const [name, group] = inside.split(":") as [string, string?];
  const definition = DEFINITIONS[name];
  return definition === undefined ? undefined : { name, definition, ...(group === undefined ? {} : { group }) };
}

function errorOf(source: string): ConfigError {
  try {
    parseRegex(source, { resolve });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`${source} is taken`);
}

describe("what is refused names the construct, the column and the definitions that lead to it", () => {
  it.each([
    ["a)", "REGEX_INVALID", 2, "", "a `)` without its `(`"],
    ["é(", "REGEX_INVALID", 2, "", "a `(` without its `)`"],
    ["😀*|+", "REGEX_INVALID", 4, "", "nothing stands before `+`"],
    ["a{2}|{2}", "REGEX_INVALID", 6, "", "nothing stands before `{2}`"],
    ["a{3,1}", "REGEX_INVALID", 7, "", "an interval whose first number is the larger one"],
    ["a{1000000}", "REGEX_INVALID", 11, "", "more than 100000 repetitions"],
    ["ab[c", "REGEX_INVALID", 3, "", "a `[` without its `]`"],
    ["x[]", "REGEX_INVALID", 2, "", "an empty character class"],
    ["[b-a]", "REGEX_INVALID", 1, "", "the range `b-a`, whose end comes first"],
    ["[\\w-a]", "REGEX_INVALID", 1, "", "a `-` behind a class"],
    ["[a-\\w]", "REGEX_INVALID", 1, "", "a range that ends in a class"],
    ["[[:what:]]", "REGEX_INVALID", 2, "", "there is no class `[:what:]`"],
    ["a\\", "REGEX_INVALID", 2, "", "a backslash at the end"],
    ["\\k<a>(?<a>b)", "REGEX_INVALID", 1, "", "there is no group `a` before"],
    ["\\g<a>", "REGEX_INVALID", 1, "", "there is no group `a`"],
    ["(?<1>b)", "REGEX_INVALID", 1, "", "begins with a digit"],
    ["(?<a>b)\\1", "REGEX_INVALID", 8, "", "`\\1` beside named groups"],
    ["(?<=a*)b", "REGEX_INVALID", undefined, undefined, "a look-behind in `(?<=a*)b` has no fixed length"],
    ["(?<!(?<x>a))b", "REGEX_INVALID", undefined, undefined, "has a group that is remembered in it"],
    ["(?<=(?>a))b", "REGEX_INVALID", undefined, undefined, "has an atomic group in it"],
    ["ab\\Gc", "REGEX_UNSUPPORTED", 3, "", "`\\G` is not supported"],
    ["a(?~b)", "REGEX_UNSUPPORTED", 2, "", "the absence operator `(?~`"],
    ["a(?z)b", "REGEX_UNSUPPORTED", 2, "", "the option `z` in `(?z)`"],
    ["(?<x>a\\k<x>)", "REGEX_UNSUPPORTED", 7, "", "a back reference in its own group"],
    ["(?<x>a\\g<x>?)", "REGEX_UNSUPPORTED", 7, "", "a call of a group in itself"],
    ["[a%{FINE}]", "REGEX_UNSUPPORTED", 3, "", "a `%{…}` in a character class"],
    ["%{FINE}%{BROKEN:x}", "REGEX_INVALID", 3, "BROKEN", "(in the definition %{BROKEN}): a `(` without its `)`"],
    [
      "%{OUTER}",
      "REGEX_UNSUPPORTED",
      2,
      "OUTER → INNER → ABSENCE",
      "column 2 of `x(?~y)` (in the definition %{OUTER} → %{INNER} → %{ABSENCE}): the absence operator `(?~`",
    ],
    ["%{CYCLE}", "GROK_CYCLE", undefined, "CYCLE → CYCLE", "%{CYCLE} is defined by itself: CYCLE → CYCLE"],
    ["%{LONG}", "REGEX_INVALID", undefined, undefined, "has no fixed length"],
  ] as const)("%s", (source, code, column, path, message) => {
    const error = errorOf(source);
    expect(error.code).toBe(code);
    expect(error.context["column"]).toBe(column);
    expect(error.context["path"]).toBe(path);
    expect(error.message).toContain(message);
  });

  it.each([
    ["groups", "(".repeat(10_000) + "a" + ")".repeat(10_000)],
    ["look-arounds", "(?=".repeat(10_000) + "a" + ")".repeat(10_000)],
    ["repetitions", "a" + "{2}".repeat(10_000)],
    ["classes", "[".repeat(10_000) + "a" + "]".repeat(10_000)],
    ["options", "(?i)".repeat(10_000) + "a"],
  ])("%s in each other, before they are too many calls", (_, source) => {
    expect(errorOf(source)).toMatchObject({ code: "REGEX_UNSUPPORTED" });
    expect(errorOf(source).message).toContain("nested deeper than 250 levels");
  });

  it("definitions in each other, before they are too many calls", () => {
    const deep = (inside: string) => ({ name: inside, definition: `%{${inside}x}` });
    expect(() => parseRegex("%{D}", { resolve: deep })).toThrow("nested deeper than 250 levels");
  });

  it("definitions and calls that multiply", () => {
    const multiplied = (name: string): Reference => ({
      name,
      definition: name === "D9" ? "ab" : `%{D${String(Number(name[1]) + 1)}}`.repeat(10),
    });
    expect(() => parseRegex("%{D0}", { resolve: multiplied })).toThrow(/an expression so large, with its definitions/);
    const calls = Array.from({ length: 9 }, (_, i) => `(?<g${String(i)}>${`\\g<g${String(i + 1)}>`.repeat(9)})`).join(
      "",
    );
    expect(() => parseRegex(`${calls}(?<g9>a)`)).toThrow(/is too large once its definitions stand in it/);
  });
});

describe("groups", () => {
  it.each([
    ["(a)(b)", []],
    ["(a)(b)\\2", [undefined]],
    ["(?<x>a)(b)", ["x"]],
    ["(?<x>a)(?<y>b)(?<x>c)", ["x", "y", "x"]],
    ["%{FINE:n}%{FINE}%{FINE:m}", ["n", "m"]],
  ])("%s", (source, names) => {
    expect(parseRegex(source, { resolve }).groups.map(({ name }) => name)).toEqual(names);
  });

  it("a look-behind may be a definition with alternatives of several lengths", () => {
    expect(parseRegex("(?<=%{BEHIND})x", { resolve }).node).toMatchObject({
      nodes: [{ kind: "look", ahead: false, node: { kind: "choice", nodes: [{}, {}] } }, {}],
    });
  });
});
