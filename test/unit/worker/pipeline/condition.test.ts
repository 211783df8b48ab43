import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../worker/contract/errors.ts";
import { parseCondition, type Condition, type Scalar } from "../../../../worker/pipeline/condition.ts";

const field = (...path: string[]): Scalar => ({ kind: "field", path });
const constant = (value: string | number): Scalar => ({ kind: "constant", value });
const truthy = (...path: string[]): Condition => ({ kind: "truthy", field: path });

describe("a condition is read", () => {
  it.each<[string, Condition]>([
    ["[a]", truthy("a")],
    [" [a] ", truthy("a")],
    ["[a][b c]", truthy("a", "b c")],
    ["[@metadata][x]", truthy("@metadata", "x")],
    ["([a])", truthy("a")],
    ["(((([a]))))", truthy("a")],
    ["![a]", { kind: "not", operand: truthy("a") }],
    ["! [a]", { kind: "not", operand: truthy("a") }],
    ["not [a]", { kind: "not", operand: truthy("a") }],
    ["!([a])", { kind: "not", operand: truthy("a") }],
    ["!(![a])", { kind: "not", operand: { kind: "not", operand: truthy("a") } }],
    ['[a] == "x"', { kind: "compare", operator: "==", left: field("a"), right: constant("x") }],
    ["[a]!='x'", { kind: "compare", operator: "!=", left: field("a"), right: constant("x") }],
    ["5<[a]", { kind: "compare", operator: "<", left: constant(5), right: field("a") }],
    ["[a] <= -1.5", { kind: "compare", operator: "<=", left: field("a"), right: constant(-1.5) }],
    ["[a] >= 2.", { kind: "compare", operator: ">=", left: field("a"), right: constant(2) }],
    ["[a] > [b][c]", { kind: "compare", operator: ">", left: field("a"), right: field("b", "c") }],
    ['[a] == ""', { kind: "compare", operator: "==", left: field("a"), right: constant("") }],
    ['[a] == "it\'s"', { kind: "compare", operator: "==", left: field("a"), right: constant("it's") }],
    [
      String.raw`[a] == "say \"x\""`,
      { kind: "compare", operator: "==", left: field("a"), right: constant('say \\"x\\"') },
    ],
    [String.raw`[a] == 'a\n'`, { kind: "compare", operator: "==", left: field("a"), right: constant("a\\n") }],
    ["[a] =~ /^x/", { kind: "match", left: field("a"), pattern: "^x" }],
    [String.raw`[a] =~ /a\/b/`, { kind: "match", left: field("a"), pattern: String.raw`a\/b` }],
    ["[a] =~ //", { kind: "match", left: field("a"), pattern: "" }],
    ['[a] =~ "^x"', { kind: "match", left: field("a"), pattern: "^x" }],
    ['"x" =~ /y/', { kind: "match", left: constant("x"), pattern: "y" }],
    ["[a] !~ /x/", { kind: "not", operand: { kind: "match", left: field("a"), pattern: "x" } }],
    ["[a] =~ /and # or/", { kind: "match", left: field("a"), pattern: "and # or" }],
    ['"x" in [tags]', { kind: "in", left: constant("x"), right: field("tags") }],
    ['"x" not in [tags]', { kind: "not", operand: { kind: "in", left: constant("x"), right: field("tags") } }],
    ['"x" not\n in [tags]', { kind: "not", operand: { kind: "in", left: constant("x"), right: field("tags") } }],
    [
      "[a] in [\"x\", 'y',3, word]",
      { kind: "in", left: field("a"), right: { kind: "list", values: ["x", "y", 3, "word"] } },
    ],
    ['[a] in ["x"]', { kind: "in", left: field("a"), right: { kind: "list", values: ["x"] } }],
    ['[a] in [ "x]" ]', { kind: "in", left: field("a"), right: { kind: "list", values: ["x]"] } }],
    ["[a] in []", { kind: "in", left: field("a"), right: { kind: "list", values: [] } }],
    ["[a] in [1, 2]", { kind: "in", left: field("a"), right: { kind: "list", values: [1, 2] } }],
    ["[a] in [b]", { kind: "in", left: field("a"), right: field("b") }],
    ['[a] in "xyz"', { kind: "in", left: field("a"), right: constant("xyz") }],
    ["[a] and [b]", { kind: "and", left: truthy("a"), right: truthy("b") }],
    ["[a] xor [b]", { kind: "xor", left: truthy("a"), right: truthy("b") }],
    ["[a] nand ![b]", { kind: "nand", left: truthy("a"), right: { kind: "not", operand: truthy("b") } }],
    ["[a]and[b]", { kind: "and", left: truthy("a"), right: truthy("b") }],
    [
      "[a] or [b] and [c]",
      { kind: "or", left: truthy("a"), right: { kind: "and", left: truthy("b"), right: truthy("c") } },
    ],
    [
      "[a] and [b] or [c] and [d] or [e]",
      {
        kind: "or",
        left: {
          kind: "or",
          left: { kind: "and", left: truthy("a"), right: truthy("b") },
          right: { kind: "and", left: truthy("c"), right: truthy("d") },
        },
        right: truthy("e"),
      },
    ],
    [
      "([a] or [b]) and [c]",
      { kind: "and", left: { kind: "or", left: truthy("a"), right: truthy("b") }, right: truthy("c") },
    ],
    [
      "([a] xor [b]) and [c]",
      { kind: "and", left: { kind: "xor", left: truthy("a"), right: truthy("b") }, right: truthy("c") },
    ],
    ["[a] # it is there\n and # and\n [b]", { kind: "and", left: truthy("a"), right: truthy("b") }],
    ["[__proto__]", truthy("__proto__")],
  ])("%s", (text, condition) => {
    expect(parseCondition(text)).toEqual(condition);
  });
});

describe("a condition is refused, with its place", () => {
  it.each([
    ["", 0, "empty"],
    ["   ", 3, "empty"],
    ["[a", 0, "not closed"],
    ["[a] ==", 6, "missing"],
    ["[a] = 5", 4, "operator is expected"],
    ["[a] == x", 7, '"x"'],
    ["program == 'x'", 0, "[program]"],
    ['[a] == "x', 7, "not closed"],
    ["[a] == 'x", 7, "not closed"],
    ["[a] =~ /x", 7, "not closed"],
    ["[a] =~ [b]", 7, "regular expression"],
    ["[a] == /x/", 7, "only behind =~"],
    ["5 =~ /x/", 0, "a field or a text"],
    ["([a]", 0, "not closed"],
    ["([a] [b])", 5, "operator or )"],
    ["[a])", 3, "closes nothing"],
    ["[a] [b]", 4, "operator is expected"],
    ["[a] and", 7, "missing"],
    ["and [a]", 0, "and is neither"],
    ["[a] andb [c]", 4, "operator is expected"],
    ['"x"', 0, "a value alone"],
    ["5", 0, "a value alone"],
    ['["x", "y"]', 0, "a value alone"],
    ['!"x"', 1, "behind !"],
    ["! ", 2, "behind !"],
    ['![a] == "x"', 1, "! belongs to the field"],
    ["![a] in [b]", 1, "! belongs to the field"],
    ['!["x"]', 1, "behind !"],
    ["[a] xor [b] xor [c]", 12, "no rank"],
    ["[a] and [b] nand [c]", 12, "no rank"],
    ["[a] nand [b] or [c]", 13, "no rank"],
    ["[a] in [5]", 7, "write == 5"],
    ["[a] in [ -1.5 ]", 7, "write == -1.5"],
    ['[a] in ["x", [b]]', 13, "no fields"],
    ['[a] in ["x" "y"]', 12, ", or ]"],
    ['[a] in ["x",', 7, "not closed"],
    ['[a] in ["x"', 7, "not closed"],
    ["[a] in ['x", 8, "not closed"],
    ['["x"] in [a]', 0, "a list cannot be looked for"],
    ['[a] == ["x"]', 7, "only in has a list"],
    ['["x"] == [a]', 0, "cannot be compared"],
    ["[a] == true", 7, '"true"'],
    ["[a] == @x", 7, "[@x]"],
    ["[a] == $", 7, "expected"],
    ["[a] in foo([b])", 7, "foo is neither"],
    ["(".repeat(200), 100, "deeper"],
  ])("%s at %i: %s", (text, position, why) => {
    const attempt = () => parseCondition(text);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(why);
    expect(attempt).toThrow(expect.objectContaining({ code: "PIPELINE_INVALID", context: { position } }) as unknown);
  });

  it("takes a long one without parentheses", () => {
    const text = Array.from({ length: 2000 }, (_, i) => `[f${i}] == ${i}`).join(" or ");
    expect(parseCondition(text).kind).toBe("or");
  });
});
