import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../worker/contract/errors.ts";
import {
  cloneJson,
  LogEvent,
  LONGEST_TEXT,
  parseFieldPath,
  showFieldPath,
  tryFieldPath,
  type Fields,
  type Json,
} from "../../../../worker/pipeline/event.ts";

const fields = (json: string) => JSON.parse(json) as Fields;

describe("field references", () => {
  it.each([
    ["name", ["name"]],
    ["@timestamp", ["@timestamp"]],
    ["a.b", ["a.b"]],
    ["with space", ["with space"]],
    ["[a]", ["a"]],
    ["[a][b]", ["a", "b"]],
    ["[@metadata][x]", ["@metadata", "x"]],
    ["[a b][c d]", ["a b", "c d"]],
    ["[list][0]", ["list", "0"]],
    ["[[a][b]][c]", ["a", "b", "c"]],
    ["[a][[b]][c]", ["a", "b", "c"]],
    ["[[ok]]", ["ok"]],
    ["__proto__", ["__proto__"]],
  ])("%s", (text, path) => {
    expect(parseFieldPath(text)).toEqual(path);
  });

  it.each(["", "[a", "a]", "[]", "[a][]", "a[b]", "[a]b", "[a] [b]", "[a][b", "]a[", "[[a]", "[a]]", "["])(
    "%j is none",
    (text) => {
      expect(tryFieldPath(text)).toBeUndefined();
      expect(() => parseFieldPath(text)).toThrow(ConfigError);
      expect(() => parseFieldPath(text)).toThrow(JSON.stringify(text));
    },
  );

  it("are not deeper than every later step can go", () => {
    expect(tryFieldPath("[a]".repeat(100))).toHaveLength(100);
    expect(tryFieldPath("[a]".repeat(101))).toBeUndefined();
    expect(() => parseFieldPath("[a]".repeat(20_000))).toThrow("at most 100 deep");
  });

  it("are shown as they are written", () => {
    expect(showFieldPath(["a"])).toBe("a");
    expect(showFieldPath(["a", "b"])).toBe("[a][b]");
  });
});

describe("reading", () => {
  const event = new LogEvent(
    fields('{"a":{"b":[1,{"c":2},null]},"n":null,"f":false,"s":"text","__proto__":{"x":1}}'),
    fields('{"m":{"k":"v"}}'),
  );

  it.each([
    ["a", { b: [1, { c: 2 }, null] }, true],
    ["[a][b][0]", 1, true],
    ["[a][b][1][c]", 2, true],
    ["[a][b][-2][c]", 2, true],
    ["[a][b][2]", null, false],
    ["[a][b][3]", undefined, false],
    ["[a][b][-4]", undefined, false],
    ["[a][b][x]", undefined, false],
    ["[a][b][length]", undefined, false],
    ["[a][x]", undefined, false],
    ["n", null, true],
    ["[n][x]", undefined, false],
    ["f", false, true],
    ["[s][0]", undefined, false],
    ["[s][length]", undefined, false],
    ["missing", undefined, false],
    ["[__proto__][x]", 1, true],
    ["constructor", undefined, false],
    ["toString", undefined, false],
    ["[a][constructor]", undefined, false],
    ["[@metadata][m][k]", "v", true],
    ["@metadata", { m: { k: "v" } }, true],
    ["m", undefined, false],
  ] as [string, Json | undefined, boolean][])("%s", (path, value, there) => {
    expect(event.get(parseFieldPath(path))).toEqual(value);
    expect(event.has(parseFieldPath(path))).toBe(there);
  });
});

describe("writing", () => {
  it.each([
    ["{}", "a", '{"a":1}'],
    ["{}", "[a][b][c]", '{"a":{"b":{"c":1}}}'],
    ['{"a":null}', "[a][b]", '{"a":{"b":1}}'],
    ['{"a":{"x":0}}', "[a][b]", '{"a":{"x":0,"b":1}}'],
    ['{"a":[0,0]}', "[a][1]", '{"a":[0,1]}'],
    ['{"a":[0,0]}', "[a][-1]", '{"a":[0,1]}'],
    ['{"a":[0]}', "[a][3]", '{"a":[0,null,null,1]}'],
    ['{"a":[{"b":0}]}', "[a][0][b]", '{"a":[{"b":1}]}'],
    ['{"a":[]}', "[a][0][b]", '{"a":[{"b":1}]}'],
    ["{}", "__proto__", '{"__proto__":1}'],
    ["{}", "[__proto__][polluted]", '{"__proto__":{"polluted":1}}'],
    ['{"a":{}}', "[a][__proto__]", '{"a":{"__proto__":1}}'],
    ["{}", "[a][__proto__][polluted]", '{"a":{"__proto__":{"polluted":1}}}'],
    ["{}", "constructor", '{"constructor":1}'],
    ["{}", "[x][0]", '{"x":{"0":1}}'],
  ])("%s: %s → %s", (before, path, after) => {
    const event = new LogEvent(fields(before));
    expect(event.set(parseFieldPath(path), 1)).toBe(true);
    expect(JSON.stringify(event.fields)).toBe(after);
    expect((Object.prototype as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['{"a":"text"}', "[a][b]"],
    ['{"a":1}', "[a][b][c]"],
    ['{"a":[0]}', "[a][x]"],
    ['{"a":[0]}', "[a][-2]"],
    ['{"a":[0]}', "[a][5000000]"],
    ['{"a":[0]}', "[a][99999999999999999999]"],
    ['{"a":[0]}', "[a][x][y]"],
    ['{"tags":["t"]}', "[tags][0]"],
    ['{"tags":["t"]}', "[tags][x]"],
    ['{"tags":["t"]}', "tags"],
  ])("%s has no place for %s", (before, path) => {
    const event = new LogEvent(fields(before));
    expect(event.set(parseFieldPath(path), 1)).toBe(false);
    expect(JSON.stringify(event.fields)).toBe(before);
  });

  it("takes no text that is longer than any line", () => {
    const event = new LogEvent({ a: "x" });
    expect(event.set(["a"], "y".repeat(LONGEST_TEXT + 1))).toBe(false);
    expect(event.get(["a"])).toBe("x");
    expect(event.set(["a"], "y".repeat(LONGEST_TEXT))).toBe(true);
  });

  it("writes metadata apart", () => {
    const event = new LogEvent();
    expect(event.set(["@metadata", "a", "b"], 1)).toBe(true);
    expect(event.fields).toEqual({});
    expect(event.metadata).toEqual({ a: { b: 1 } });
    expect(event.set(["@metadata"], { c: 2 })).toBe(true);
    expect(event.set(["@metadata"], "text")).toBe(false);
    expect(event.get(["@metadata"])).toEqual({ c: 2 });
    expect(event.set(["@metadata"], event.get(["@metadata"])!)).toBe(true);
    expect(event.metadata).toEqual({ c: 2 });
  });

  it("does not change the object that it was made from", () => {
    const given = { a: 1 };
    new LogEvent(given).set(["b"], 2);
    expect(given).toEqual({ a: 1 });
  });
});

describe("removing", () => {
  it.each([
    ['{"a":1,"b":2}', "a", 1, '{"b":2}'],
    ['{"a":null}', "a", null, "{}"],
    ['{"a":{"b":1}}', "[a][b]", 1, '{"a":{}}'],
    ['{"a":[1,2,3]}', "[a][1]", 2, '{"a":[1,3]}'],
    ['{"a":[1,2,3]}', "[a][-1]", 3, '{"a":[1,2]}'],
    ['{"a":[1]}', "[a][7]", undefined, '{"a":[1]}'],
    ['{"a":"text"}', "[a][b]", undefined, '{"a":"text"}'],
    ["{}", "[x][y][z]", undefined, "{}"],
    ["{}", "__proto__", undefined, "{}"],
    ['{"tags":["x"]}', "tags", ["x"], "{}"],
  ] as [string, string, Json | undefined, string][])("%s: %s", (before, path, removed, after) => {
    const event = new LogEvent(fields(before));
    expect(event.remove(parseFieldPath(path))).toEqual(removed);
    expect(JSON.stringify(event.fields)).toBe(after);
  });

  it("empties metadata", () => {
    const event = new LogEvent({}, { a: 1 });
    expect(event.remove(["@metadata"])).toEqual({ a: 1 });
    expect(event.metadata).toEqual({});
  });
});

describe("tags", () => {
  it.each([
    ["{}", ["x"]],
    ['{"tags":["a"]}', ["a", "x"]],
    ['{"tags":["x","a"]}', ["x", "a"]],
    ['{"tags":"a"}', ["a", "x"]],
    ['{"tags":"x"}', ["x"]],
    ['{"tags":7}', ["x"]],
  ])("%s and x", (before, after) => {
    const event = new LogEvent(fields(before));
    event.tag("x");
    expect(event.fields.tags).toEqual(after);
  });

  it.each([
    ["text", ["text"]],
    [
      ["a", "b", "a"],
      ["a", "b"],
    ],
    [[], []],
    [null, undefined],
  ] as [Json, Json | undefined][])("set to %j", (value, tags) => {
    const event = new LogEvent({ tags: ["old"] });
    expect(event.set(["tags"], value)).toBe(true);
    expect(event.fields.tags).toEqual(tags);
  });

  it("are taken away, and the list stays", () => {
    const event = new LogEvent({ tags: ["a", "b"] });
    event.untag("a");
    event.untag("missing");
    expect(event.fields.tags).toEqual(["b"]);
    event.untag("b");
    expect(event.fields.tags).toEqual([]);
    const none = new LogEvent();
    none.untag("a");
    expect(none.fields).toEqual({});
  });
});

it("a copy shares nothing", () => {
  const value = fields('{"a":[{"b":1}],"__proto__":{"c":2}}');
  const copy = cloneJson(value) as Fields;
  expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
  (copy.a as Fields[])[0]!.b = 2;
  expect(JSON.stringify(value)).toBe('{"a":[{"b":1}],"__proto__":{"c":2}}');
});
