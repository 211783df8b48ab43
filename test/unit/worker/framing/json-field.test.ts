import { describe, expect, it } from "vitest";
import { jsonField } from "../../../../worker/framing/json-field.ts";

describe("the message of a line of JSON", () => {
  it.each<[field: string, line: string, message: string]>([
    ["message", '{"message":"a","other":1}', "a"],
    ["message", '  {"message":""} ', ""],
    ["message", String.raw`{"message":"a\nb\tč \u010d"}`, "a\nb\tč č"],
    ["a.b", '{"a.b":"x"}', "x"],
    ["[a][b]", '{"a":{"b":"x"}}', "x"],
    ["[a][0]", '{"a":["x","y"]}', "x"],
    ["__proto__", '{"__proto__":"x"}', "x"],
    ["message", '{"message":"\ufffd"}', "\ufffd"],
  ])("%s of %s", (field, line, message) => {
    expect(jsonField(field)(Buffer.from(line))).toEqual({ message: Buffer.from(message) });
  });

  it.each([
    ["a bad byte", Buffer.from('{"m":"caf\xe9 1"}', "latin1"), "caf\xff 1"],
    ["half of a pair", Buffer.from(String.raw`{"m":"\ud83d 1\udc00"}`), "\xff 1\xff"],
  ])("is no UTF-8 where the line had %s", (_, line, message) => {
    expect(jsonField("m")(line)).toEqual({ message: Buffer.from(message, "latin1") });
  });

  it.each(["", "  \t", "\r"])("is none of a blank line, %j", (line) => {
    expect(jsonField("m")(Buffer.from(line))).toBeUndefined();
  });

  it.each<[line: string, problem: string]>([
    ["Jan 14 23:20:01 host a: b", "is no JSON (Unexpected token 'J'"],
    ['{"message":"a', "is no JSON (Unterminated string"],
    ["[1]", "is JSON, but no object"],
    ["12", "is JSON, but no object"],
    ["null", "is JSON, but no object"],
    ["{}", "has no field message"],
    ['{"msg":"a","host":"b"}', "has no field message; there are: msg, host"],
    [
      `{${Array.from({ length: 12 }, (_, i) => `"f${i}":1`).join(",")}}`,
      "there are: f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, …",
    ],
    ['{"message":{"text":"a"}}', "has no text in the field message"],
    ['{"message":null}', "has no text in the field message"],
  ])("is missed in %s, and the line is kept", (line, problem) => {
    const json = JSON.stringify({ message: line, tags: ["_jsonparsefailure"] });
    expect(jsonField("message")(Buffer.from(line))).toEqual({
      problem: expect.stringContaining(problem) as string,
      json,
    });
  });

  it("is missed in a line that is neither JSON nor UTF-8, and both are said", () => {
    const json = JSON.stringify({ message: "caf�", tags: ["_bad_utf8", "_jsonparsefailure"] });
    expect(jsonField("m")(Buffer.from("caf\xe9", "latin1"))).toMatchObject({ json });
  });
});

it("what names no field is refused", () => {
  expect(() => jsonField("[a")).toThrow(expect.objectContaining({ code: "PIPELINE_INVALID" }) as Error);
});
