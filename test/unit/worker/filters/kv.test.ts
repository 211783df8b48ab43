import { describe, expect, it } from "vitest";
import { kv } from "../../../../worker/filters/kv.ts";
import { apply, ENDLESS, refusals } from "./tools.ts";

/** What the pairs of a text become, below `kv` so that nothing else is there. */
function pairs(options: object, text: string): unknown {
  const { event } = apply(kv, { target: "kv", ...options }, { message: text });
  return (JSON.parse(event) as { kv?: unknown }).kv;
}

const QUOTED = `hello=world doublequoted="hello world" singlequoted='hello world' b1=(hello world) b2=[hello world] b3=<hello world>`;
const BARE = {
  hello: "world",
  doublequoted: "hello world",
  singlequoted: "hello world",
  b1: "hello world",
  b2: "hello world",
  b3: "hello world",
};

/** The result of a filter whose search was given up; it names the expression. */
const OVER_BUDGET = { overBudget: expect.stringContaining("=") as string };

describe("kv", () => {
  // Many of these stand in the tests of Logstash's filter too (kv_spec.rb).
  it.each<[object, string, object | undefined]>([
    [{}, QUOTED, BARE],
    [{ value_split: ":" }, QUOTED.replaceAll("=", ":"), BARE],
    [{ field_split: "&", include_brackets: "false" }, "a=(x y)&b=[z]", { a: "(x y)", b: "[z]" }],
    [{ include_brackets: false }, "a=(hello world) b=[hello world]", { a: "(hello", b: "[hello" }],
    [
      {},
      'hello = world foo =bar baz= fizz q = "hello world" b =(hello world)',
      { hello: "world", foo: "bar", baz: "fizz", q: "hello world", b: "hello world" },
    ],
    [
      { whitespace: "strict" },
      "hello = world foo =bar baz= fizz whitespace=none strict=true",
      { whitespace: "none", strict: "true" },
    ],
    [
      { whitespace: "strict" },
      "IN=eth0 OUT= MAC=0f:5f SRC=192.168.0.1",
      { IN: "eth0", MAC: "0f:5f", SRC: "192.168.0.1" },
    ],
    [{ whitespace: "strict" }, 'a=b c=cruel\\ world d="" e= f=[] g=[v]', { a: "b", c: "cruel\\ world", g: "v" }],
    [
      { value_split: ":" },
      "IKE:=Quick\\ Mode\\ done IKE\\ IDs:=subnet",
      { IKE: "=Quick\\ Mode\\ done", "IKE\\ IDs": "=subnet" },
    ],
    [
      { field_split: "?&" },
      "?hello=world&foo=bar&ignoreme&foo12=bar12",
      { hello: "world", foo: "bar", foo12: "bar12" },
    ],
    [
      { field_split: "|" },
      "field1=test|field2=another test|field3=test3",
      { field1: "test", field2: "another test", field3: "test3" },
    ],
    [
      { field_split_pattern: "!!!!!" },
      'foo=bar!!!!!baz="quoted stuff" and more!!!!!msg="fully-quoted! x"!!!!!empty=""!!!!!n="foo"',
      { foo: "bar", baz: '"quoted stuff" and more', msg: "fully-quoted! x", n: "foo" },
    ],
    [
      { field_split_pattern: "__", value_split_pattern: "::" },
      "a::b__c::'d e'__f::(g h)",
      { a: "b", c: "d e", f: "g h" },
    ],
    [{ field_split_pattern: "_+", value_split_pattern: ":+" }, 'a:b_c::d__e:::"f g"', { a: "b", c: "d", e: "f g" }],
    [
      { field_split_pattern: ";\\s*(?=key.+?:)|;$", value_split_pattern: ":\\s+" },
      'key1: val1; key2: val2; key3:  https://site/?g={......"...;  CLR  rv:11.0)"..}; key4: val4;',
      { key1: "val1", key2: "val2", key3: 'https://site/?g={......"...;  CLR  rv:11.0)"..}', key4: "val4" },
    ],
    [
      { field_split: "\r\n", value_split: " ", trim_key: ":" },
      "A: 4\r\nB\r\n\r\nC: \r\nD: True\r\n",
      { A: "4", D: "True" },
    ],
    [
      { field_split: "|", trim_value: " ", trim_key: " " },
      "key1=  value1 with spaces    |  key2 with spaces  =value2",
      { key1: "value1 with spaces", "key2 with spaces": "value2" },
    ],
    [
      { trim_value: "<>,", trim_key: "%+" },
      "to=<a@b.c>, orig=<d@e.f>, %+relay=m[private/x], status=sent (250 <g>)",
      { to: "a@b.c", orig: "d@e.f", relay: "m[private/x]", status: "sent" },
    ],
    [
      { field_split: "|", remove_char_value: " ", remove_char_key: " " },
      "key 1= a b | key 2 =c",
      { key1: "ab", key2: "c" },
    ],
    [{ transform_key: "uppercase", transform_value: "lowercase" }, "Foo =Bar", { FOO: "bar" }],
    [{ transform_key: "lowercase", transform_value: "uppercase" }, "Foo=Bar", { foo: "BAR" }],
    [{ transform_key: "capitalize", transform_value: "capitalize" }, 'fOO="bAR bAZ"', { Foo: "Bar baz" }],
    [{ prefix: "__" }, "a=1 b=2", { __a: "1", __b: "2" }],
    [{ include_keys: ["a"] }, "a=1 b=2", { a: "1" }],
    [{ exclude_keys: "a" }, "a=1 b=2", { b: "2" }],
    [{ include_keys: ["a"], exclude_keys: ["a"] }, "a=1 b=2", undefined],
    [{ include_keys: ["a"], prefix: "p_" }, "a=1 b=2", { p_a: "1" }],
    [{ default_keys: { a: "x", c: "y" } }, "a=1 b=2", { a: "1", c: "y", b: "2" }],
    [{ default_keys: { c: "y" } }, "nothing here", { c: "y" }],
    [{}, "a=1 a=2 a=2", { a: ["1", "2", "2"] }],
    [{ allow_duplicate_values: false }, "a=1 a=2 a=2", { a: ["1", "2"] }],
    // Ruby's include? looks into a text.
    [{ allow_duplicate_values: false }, "a=bar a=ba", { a: "bar" }],
    [
      { allow_empty_values: true, whitespace: "strict" },
      "p=one e= q='' p=two b=[] end=",
      { p: ["one", "two"], e: "", q: "", b: "", end: "" },
    ],
    [
      { recursive: true },
      'IKE="Quick Mode" IDs = (subnet= x.x mask= 255 and host=y)',
      { IKE: "Quick Mode", IDs: { subnet: "x.x", mask: "255", host: "y" } },
    ],
    [{ recursive: true }, "a=(b=[c=1 d=2]) e=f", { a: { b: { c: "1", d: "2" } }, e: "f" }],
    [{ recursive: true, allow_duplicate_values: false }, "a=(b=1) a=b a=c", { a: [{ b: "1" }, "c"] }],
    [
      {},
      "__proto__=1 constructor=2 toString=3",
      JSON.parse('{"__proto__":"1","constructor":"2","toString":"3"}') as object,
    ],
    [{}, "a=1 b", { a: "1" }],
    [{}, "=1", undefined],
    [{}, "a=", undefined],
    [{}, "", undefined],
    [{}, "no pairs", undefined],
    [{}, 'a="not closed b=2', { a: '"not', b: "2" }],
    [{}, "ž=ů", { ž: "ů" }],
    [{ field_split: "\\n" }, "a=1 2\nb=3", { a: "1 2", b: "3" }],
  ])("%j: %j", (options, text, expected) => {
    const found = pairs(options, text);
    expect(found).toEqual(expected);
    expect(JSON.stringify(found)).toBe(JSON.stringify(expected));
  });

  it.each<[object, string, string, unknown]>([
    [{}, '{"message":"a=1 [n][x]=2"}', '{"message":"a=1 [n][x]=2","a":"1","n":{"x":"2"}}', "matched"],
    [{}, '{"message":"message=new"}', '{"message":"new"}', "matched"],
    [{ source: "x" }, '{"x":["a=1","b=2",7,null]}', '{"x":["a=1","b=2",7,null],"a":"1","b":"2"}', "matched"],
    [{ source: "x", target: "x" }, '{"x":"a=1"}', '{"x":{"a":"1"}}', "matched"],
    [{ include_keys: ["%{k}"] }, '{"k":"a","message":"a=1 b=2"}', '{"k":"a","message":"a=1 b=2","a":"1"}', "matched"],
    [{ prefix: "%{k}." }, '{"k":"p","message":"a=1"}', '{"k":"p","message":"a=1","p.a":"1"}', "matched"],
    [{}, "{}", "{}", "unmatched"],
    [{}, '{"message":null}', '{"message":null}', "unmatched"],
    [{}, '{"message":{"a":"b=1"}}', '{"message":{"a":"b=1"}}', "unmatched"],
    [{}, '{"message":5}', '{"message":5}', "unmatched"],
    [{}, '{"message":"a=1 [b=2"}', '{"message":"a=1 [b=2","a":"1","tags":["_kv_filter_error"]}', "failed"],
    [{}, '{"message":"tags=x"}', '{"message":"tags=x","tags":["x"]}', "matched"],
    [{ target: "[a][b]" }, '{"a":1,"message":"x=1"}', '{"a":1,"message":"x=1","tags":["_kv_filter_error"]}', "failed"],
    [{}, `{"message":"${ENDLESS}=1"}`, `{"message":"${ENDLESS}=1","tags":["_kv_filter_timeout"]}`, OVER_BUDGET],
  ])("%j: %s", (options, before, after, result) => {
    expect(apply(kv, options, before)).toMatchObject({ event: after, result });
  });

  it("a value in a value goes fifty deep and no deeper", () => {
    let value = pairs({ recursive: true }, "a=".repeat(5000) + "b") as object | string;
    let depth = 0;
    for (; typeof value === "object"; depth++) value = (value as { a: object | string }).a;
    expect(depth).toBe(51);
    expect(value).toBe("a=".repeat(4949) + "b");
  });

  it.each<[object, string]>([
    [{ value_split: "" }, "value_split: is empty"],
    [{ field_split_pattern: "" }, "field_split_pattern: is empty"],
    [{ whitespace: "loose" }, "whitespace: must be one of lenient, strict"],
    [{ recursive: "maybe" }, "recursive: must be true or false"],
    [{ transform_key: "upper" }, "transform_key: must be one of lowercase, uppercase, capitalize"],
    [{ target: "[" }, 'target: "[" is no field reference'],
    [{ default_keys: ["a", "b"] }, "default_keys: must be a mapping"],
  ])("%j is refused: %s", (options, problem) => {
    expect(refusals(kv, options)).toEqual([expect.stringContaining(problem)]);
  });

  it("refuses characters that make no class", () => {
    expect(() => apply(kv, { field_split: "z-a" }, "{}")).toThrow("the range");
  });
});
