import { describe, expect, it } from "vitest";
import { bankOf, mergeBanks, nestDottedFields, parseBank, type Bank } from "../../../../worker/grok/bank.ts";

const texts = (bank: Bank) => Object.fromEntries(Array.from(bank, ([name, { text }]) => [name, text]));

describe("a pattern file", () => {
  it.each<[what: string, text: string, definitions: Record<string, string>]>([
    ["a name, blanks, an expression", "WORD \\w+\nINT\t  [0-9]+\n", { WORD: "\\w+", INT: "[0-9]+" }],
    ["comments and blank lines", "# A # comment\n\n   \n  # another\nA a\n", { A: "a" }],
    ["a `#` inside of an expression", "A a#b # c\n", { A: "a#b # c" }],
    ["blanks before a name", "  A a\n", { A: "a" }],
    ["blanks at the end, which belong to the expression", "A a  \nB b\t\n", { A: "a  ", B: "b\t" }],
    ["a last line without its end", "A a\nB b", { A: "a", B: "b" }],
    ["CR LF", "A a\r\nB b\r\n", { A: "a", B: "b" }],
    ["a name that is defined again: the later one counts", "A a\nA b\n", { A: "b" }],
    ["an expression with blanks in it", "A a b  c\n", { A: "a b  c" }],
    ["nothing", "", {}],
  ])("%s", (_, text, definitions) => {
    expect(texts(parseBank(text, "file"))).toEqual(definitions);
  });

  it("says of each definition where it stands", () => {
    const bank = parseBank("# one\nA a\n\nB b\n", "patterns/mine");
    expect(bank.get("A")?.where).toBe("patterns/mine:2");
    expect(bank.get("B")?.where).toBe("patterns/mine:4");
  });

  it.each([
    ["a name alone", "A a\nB\n", "patterns/mine:2: B has no expression"],
    ["a name that is none", "A a\n\nmy-name x\n", "patterns/mine:3: my-name is no name"],
  ])("refuses %s by file and line", (_, text, message) => {
    const error = expect.objectContaining({
      code: "GROK_DEFINITION",
      message: expect.stringContaining(message) as string,
    }) as Error;
    expect(() => parseBank(text, "patterns/mine")).toThrow(error);
  });
});

it("a bank of definitions has their place", () => {
  expect(bankOf({ A: "a" }, "site.yaml:3")).toEqual(new Map([["A", { text: "a", where: "site.yaml:3" }]]));
  expect(() => bankOf({ "a b": "a" }, "site.yaml:3")).toThrow("site.yaml:3: a b is no name");
});

it("of several banks the later one wins", () => {
  const merged = mergeBanks(parseBank("A 1\nB 1\n", "one"), parseBank("B 2\n", "two"));
  expect(texts(merged)).toEqual({ A: "1", B: "2" });
  expect(merged.get("B")?.where).toBe("two:1");
});

it.each([
  ["%{WORD:user.name}", "%{WORD:[user][name]}"],
  ["%{INT:http.response.status_code:int}", "%{INT:[http][response][status_code]:int}"],
  ["(?<source.ip>a)", "(?<[source][ip]>a)"],
  ["%{DATA:@metadata.tls.version}", "%{DATA:[@metadata][tls][version]}"],
  ["%{WORD:name} %{INT} (?<plain>a.b)", "%{WORD:name} %{INT} (?<plain>a.b)"],
  ["(?<=a.b)(?<!a.b)", "(?<=a.b)(?<!a.b)"],
])("dots in a field's name are levels: %s", (dotted, nested) => {
  expect(texts(nestDottedFields(new Map([["A", { text: dotted, where: "" }]])))).toEqual({ A: nested });
});
