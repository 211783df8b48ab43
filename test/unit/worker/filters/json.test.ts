import { describe, expect, it } from "vitest";
import { json } from "../../../../worker/filters/json.ts";
import { readJson } from "../../../../worker/filters/json-text.ts";
import { apply, refusals } from "./tools.ts";

const message = (text: string) => JSON.stringify({ message: text });
const FAILED = (text: string) => `{"message":${JSON.stringify(text)},"tags":["_jsonparsefailure"]}`;

describe("json", () => {
  it.each([
    ['{"a":1,"b":{"c":[true,null]}}', '"a":1,"b":{"c":[true,null]}'],
    ['{"[a][b]":1,"c.d":2}', '"a":{"b":1},"c.d":2'],
    ['{"__proto__":{"x":1},"constructor":1}', '"__proto__":{"x":1},"constructor":1'],
    ['{"a":1,"a":2}', '"a":2'],
    ["{}", ""],
    ['{"tags":["x","x"]}', '"tags":["x"]'],
    ['{"tags":"x"}', '"tags":["x"]'],
    [
      '{"big":9007199254740993,"huge":1e999,"small":0.1,"zero":-0}',
      '"big":"9007199254740993","huge":"1e999","small":0.1,"zero":0',
    ],
    [
      '{"long":-123456789012345678901234567890,"float":1234567890123456789.5}',
      '"long":"-123456789012345678901234567890","float":1234567890123456800',
    ],
    [' {"a":"\\u0000\\ud800"} ', '"a":"\\u0000\\ud800"'],
  ])("%s becomes fields", (text, fields) => {
    const before = JSON.stringify({ message: text }).slice(0, -1);
    expect(apply(json, { source: "message" }, message(text))).toMatchObject({
      result: "matched",
      event: `${before}${fields === "" ? "" : ","}${fields}}`,
    });
  });

  it.each(["", " ", "{", "text", "{'a':1}", '{"a":1} x', '{"a":01}', "[1,2]", '"text"', "5", "null", "true", "NaN"])(
    "%j is not taken without a target",
    (text) => {
      expect(apply(json, { source: "message" }, message(text))).toMatchObject({
        result: "failed",
        event: FAILED(text),
      });
    },
  );

  it.each([
    ["[1,2]", "[1,2]"],
    ['"text"', '"text"'],
    ["5", "5"],
    ["null", "null"],
    ['{"a":{}}', '{"a":{}}'],
  ])("%s goes to a target", (text, value) => {
    expect(apply(json, { source: "message", target: "[t][x]" }, message(text))).toMatchObject({
      result: "matched",
      event: `{"message":${JSON.stringify(text)},"t":{"x":${value}}}`,
    });
  });

  it.each<[string, object, string, string, string]>([
    ["a missing field", {}, "{}", "{}", "unmatched"],
    ["null", {}, '{"message":null}', '{"message":null}', "unmatched"],
    ["a number", {}, '{"message":5}', '{"message":5,"tags":["_jsonparsefailure"]}', "failed"],
    ["a list", {}, '{"message":["{}"]}', '{"message":["{}"],"tags":["_jsonparsefailure"]}', "failed"],
    ["skipping", { skip_on_invalid_json: true }, '{"message":"x"}', '{"message":"x"}', "unmatched"],
    // As in Logstash the option is about what is no JSON.
    [
      "skipping a list",
      { skip_on_invalid_json: true },
      '{"message":"[]"}',
      '{"message":"[]","tags":["_jsonparsefailure"]}',
      "failed",
    ],
    ["another tag", { tag_on_failure: ["x", "y"] }, '{"message":"x"}', '{"message":"x","tags":["x","y"]}', "failed"],
    ["no tag", { tag_on_failure: [] }, '{"message":"x"}', '{"message":"x"}', "failed"],
    [
      "a target without a place",
      { target: "[message][x]" },
      '{"message":"{}"}',
      '{"message":"{}","tags":["_jsonparsefailure"]}',
      "failed",
    ],
    [
      "a key without a place",
      {},
      '{"message":"{\\"a\\":1,\\"[b\\":2,\\"c\\":3}"}',
      '{"message":"{\\"a\\":1,\\"[b\\":2,\\"c\\":3}","a":1,"tags":["_jsonparsefailure"]}',
      "failed",
    ],
    [
      "tags that are no texts",
      {},
      '{"message":"{\\"tags\\":[1]}"}',
      '{"message":"{\\"tags\\":[1]}","tags":["_jsonparsefailure"]}',
      "failed",
    ],
    ["its own source", {}, '{"message":"{\\"message\\":1}"}', '{"message":1}', "matched"],
  ])("%s", (_, options, before, after, result) => {
    expect(apply(json, { source: "message", ...options }, before)).toMatchObject({ event: after, result });
  });

  it.each([
    ['"2013-01-04T10:00:00+01:00"', '{"@timestamp":"2013-01-04T09:00:00.000Z","a":1}'],
    ["null", '{"@timestamp":"old","a":1}'],
    ['"yesterday"', '{"@timestamp":"old","a":1,"tags":["_timestampparsefailure"],"_@timestamp":"yesterday"}'],
    ["5", '{"@timestamp":"old","a":1,"tags":["_timestampparsefailure"],"_@timestamp":"5"}'],
  ])("a time of %s", (time, after) => {
    const before = JSON.stringify({ "@timestamp": "old", "[@metadata][x]": 0, m: `{"@timestamp":${time},"a":1}` });
    const { event, result } = apply(json, { source: "m" }, before);
    const { m: _, "[@metadata][x]": __, ...rest } = JSON.parse(event) as Record<string, unknown>;
    expect(JSON.stringify(rest)).toBe(after);
    expect(result).toBe("matched");
  });

  it.each<[object, string]>([
    [{}, "source: "],
    [{ source: "[" }, 'source: "[" is no field reference'],
    [{ source: "m", target: "a[" }, 'target: "a[" is no field reference'],
    [{ source: "m", skip_on_invalid_json: 1 }, "skip_on_invalid_json: must be true or false"],
  ])("%j is refused: %s", (options, problem) => {
    expect(refusals(json, options)).toEqual([expect.stringContaining(problem)]);
  });
});

describe("JSON that is too deep", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

  it.each([
    [nested(1000), true],
    [nested(1001), false],
    [nested(500_000), false],
    ["[".repeat(1_000_000), false],
    [`{"a":"${"[".repeat(5000)}"}`, true],
    [String.raw`{"a":"\"${"{".repeat(5000)}"}`, true],
    ["[{}]".replace("{}", "{},".repeat(5000) + "{}"), true],
  ])("is none (%#)", (text, taken) => {
    expect(readJson(text) !== undefined).toBe(taken);
  });
});
