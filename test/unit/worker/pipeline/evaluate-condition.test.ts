import { describe, expect, it } from "vitest";
import { parseCondition } from "../../../../worker/pipeline/condition.ts";
import { isTruthy, prepareCondition } from "../../../../worker/pipeline/evaluate-condition.ts";
import { LogEvent, type Fields } from "../../../../worker/pipeline/event.ts";

const compile = (source: string) => {
  const regex = new RegExp(source, "m");
  return (text: string) => regex.test(text);
};

const event = new LogEvent(
  JSON.parse(`{
    "program": "sshd", "one": 1, "five": 5, "text5": "5", "empty": "", "zero": 0, "yes": true, "no": false,
    "falsy": "false", "nil": null, "list": ["a", "b", 3], "none": [], "object": {"k": "v"}, "same": {"k": "v"},
    "lists": ["a", "b", 3], "nested": {"a": {"b": "deep"}}, "lines": "x\\nsshd", "tags": ["t1"], "ž": "ž", "big": "\u{1F600}",
    "high": "\uFFFD", "a": "a", "__proto__": "own"
  }`) as Fields,
  { m: "meta" },
);

const holds = (text: string) => prepareCondition(parseCondition(text), compile)(event);

describe("truth", () => {
  it.each([
    ["[program]", true],
    ["[zero]", true],
    ["[none]", true],
    ["[object]", true],
    ["[yes]", true],
    ["[nested][a][b]", true],
    ["[@metadata][m]", true],
    ["[__proto__]", true],
    ["[constructor]", false],
    ["[missing]", false],
    ["[nested][x][b]", false],
    ["[program][x]", false],
    ["[no]", false],
    ["[nil]", false],
    ["[empty]", false],
    ["[falsy]", false],
    ["![missing]", true],
    ["![program]", false],
    ["!([missing])", true],
  ])("%s → %s", (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  it("is of values", () => {
    expect([undefined, null, false, "", "false"].map(isTruthy)).toEqual([false, false, false, false, false]);
    expect([true, "0", 0, [], {}, "False"].map(isTruthy)).toEqual([true, true, true, true, true, true]);
  });
});

describe("comparisons", () => {
  it.each([
    ["[program] == 'sshd'", true],
    ["'sshd' == [program]", true],
    ["[program] != 'sshd'", false],
    ["[program] == 'SSHD'", false],
    ["[five] == 5", true],
    ["[five] == 5.0", true],
    ["[text5] == 5", false],
    ["[five] == '5'", false],
    ["[yes] == 'true'", false],
    ["[missing] == 'x'", false],
    ["[missing] != 'x'", true],
    ["[nil] == ''", false],
    ["[missing] == [absent]", true],
    ["[missing] == [nil]", true],
    ["[missing] != [program]", true],
    ["[list] == [lists]", true],
    ["[object] == [same]", true],
    ["[object] == [nested]", false],
    ["[list] == [none]", false],
    ["[list] == 'a'", false],
    ["7 == 7", true],
    ["5 == 7", false],
    ["'value' == 'other'", false],
    ["[one] < [five]", true],
    ["[five] < 5", false],
    ["[five] <= 5", true],
    ["[five] >= 5", true],
    ["[five] > 5", false],
    ["4 < [five]", true],
    ["6 > [five]", true],
    ["[program] < 'tshd'", true],
    ["[program] > 'sshd'", false],
    ["[program] >= 'sshd'", true],
    ["[text5] < '10'", false],
    ["[ž] > 'z'", true],
    ["[big] > [high]", true],
    ["[missing] < 5", false],
    ["[missing] >= 5", false],
    ["5 > [missing]", false],
    ["[missing] <= [absent]", false],
    ["[text5] < 10", false],
    ["[text5] >= 1", false],
    ["[five] > '1'", false],
    ["[yes] > 0", false],
    ["[list] > 0", false],
    ["[object] >= [same]", false],
    ["[nil] < 1", false],
  ])("%s → %s", (text, expected) => {
    expect(holds(text)).toBe(expected);
  });
});

describe("regular expressions", () => {
  it.each([
    ["[program] =~ /^ss/", true],
    ["[program] =~ /x/", false],
    ["[program] !~ /x/", true],
    ["[lines] =~ /^sshd$/", true],
    ["[five] =~ /5/", false],
    ["[five] !~ /5/", true],
    ["[list] =~ /a/", false],
    ["[missing] =~ /.*/", false],
    ["[missing] !~ /.*/", true],
    ["[empty] =~ /^$/", true],
    ["[yes] =~ /true/", false],
    ["'abc' =~ /b/", true],
    ["[program] =~ 's+h'", true],
  ])("%s → %s", (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  it("are compiled once", () => {
    let compiled = 0;
    const test = prepareCondition(parseCondition("[program] =~ /x/ or [program] =~ /sshd/"), (source) => {
      compiled++;
      return compile(source);
    });
    expect([test(event), test(event)]).toEqual([true, true]);
    expect(compiled).toBe(2);
  });
});

describe("in", () => {
  it.each([
    ["'a' in [list]", true],
    ["'x' in [list]", false],
    ["3 in [list]", true],
    ["'3' in [list]", false],
    ["'a' not in [list]", false],
    ["'x' not in [list]", true],
    ["'ss' in [program]", true],
    ["'' in [program]", true],
    ["5 in [five]", false],
    ["5 in [text5]", false],
    ["'x' in [missing]", false],
    ["'x' not in [missing]", true],
    ["'x' in [object]", false],
    ["'k' in [object]", false],
    ["'t1' in [tags]", true],
    ["[program] in 'my sshd is here'", true],
    ["[program] in 'ssh'", false],
    ["[five] in '5'", false],
    ["[missing] in 'x'", false],
    ["[program] in ['sshd']", true],
    ["[program] in ['ssh', 'sshd']", true],
    ["[program] in ['ssh']", false],
    ["[program] not in ['ssh']", true],
    ["[five] in ['5', 'x']", true],
    ["[five] in [5, 6]", true],
    ["[text5] in [5, 6]", true],
    ["[yes] in ['true', 'x']", true],
    ["[missing] in ['x', 'y']", false],
    ["[missing] in ['null', 'undefined']", false],
    ["[nil] in ['null', 'x']", false],
    ["[list] in ['a', 'b']", false],
    ["[object] in ['x', 'v']", false],
    ["[program] in []", false],
    ["[a] in [list]", true],
    ["[program] in [list]", false],
    ["[a] in [program]", false],
    ["[list] in [lists]", false],
    ["[object] in [same]", false],
    ["[five] in [five]", true],
    ["[five] in [one]", false],
    ["[missing] in [list]", false],
    ["[missing] in [absent]", false],
    ["'foo' in 'foobar'", true],
    ["'foo' in 'bar'", false],
    ["'foo' not in 'foo'", false],
    ["'a' in ['a', 'b']", true],
  ])("%s → %s", (text, expected) => {
    expect(holds(text)).toBe(expected);
  });
});

describe("logic", () => {
  const T = "[program]";
  const F = "[missing]";
  it.each([
    [`${T} and ${T}`, true],
    [`${T} and ${F}`, false],
    [`${F} and ${T}`, false],
    [`${F} or ${T}`, true],
    [`${F} or ${F}`, false],
    [`${T} xor ${T}`, false],
    [`${T} xor ${F}`, true],
    [`${F} xor ${T}`, true],
    [`${F} xor ${F}`, false],
    [`${T} nand ${T}`, false],
    [`${T} nand ${F}`, true],
    [`${F} nand ${F}`, true],
    [`${T} or ${T} and ${F}`, true],
    [`(${T} or ${T}) and ${F}`, false],
    [`${F} and ${F} or ${T}`, true],
    [`!(${T} and ${F}) and ${T}`, true],
  ])("%s → %s", (text, expected) => {
    expect(holds(text)).toBe(expected);
  });
});
