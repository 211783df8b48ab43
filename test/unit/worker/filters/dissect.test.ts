import { describe, expect, it } from "vitest";
import { dissect } from "../../../../worker/filters/dissect.ts";
import { parseDissection } from "../../../../worker/filters/dissection.ts";
import { apply, refusals } from "./tools.ts";

/** What becomes of the field `m`; without `m` itself, which stays. */
function cut(mapping: string, text: string, more = "") {
  const { result, event } = apply(dissect, { mapping: { m: mapping } }, `{${more}"m":${JSON.stringify(text)}}`);
  const { m: _, ...rest } = JSON.parse(event) as Record<string, unknown>;
  return { result, rest };
}

const FAILED = { tags: ["_dissectfailure"] };

describe("dissect", () => {
  // The first ones stand in the tests of Logstash's filter too (DissectorTest).
  it.each([
    ["%{a} %{b->} %{c}", "foo bar   baz", { a: "foo", b: "bar", c: "baz" }],
    ["%{a} %{} %{c}", "foo bar baz", { a: "foo", c: "baz" }],
    ["%{a} %{b} %{+b} %{z}", "foo bar baz quux", { a: "foo", b: "bar baz", z: "quux" }],
    ["%{a}------->%{b}", "foo------->bar baz quux", { a: "foo", b: "bar baz quux" }],
    ["%{a} » %{b}»%{c}€%{d}", "foo » bar»baz€quux", { a: "foo", b: "bar", c: "baz", d: "quux" }],
    ["%{a} %{b} %{+a}", "foo bar baz quux", { a: "foo baz quux", b: "bar" }],
    ["%{+a} %{a} %{+a} %{b}", "December 31 1999 quux", { a: "31 December 1999", b: "quux" }],
    ["%{+a/2} %{+a/4} %{+a/1} %{+a/3}", "bar quux foo baz", { a: "foo bar baz quux" }],
    ["%{+a/10} %{+a/9}", "x y", { a: "y x" }],
    ["%{+a} %{b} %{+a} %{c}", "foo bar baz quux", { b: "bar", c: "quux", a: "foo baz" }],
    ["[%{a}] %{b} %{c}", "[foo bar] baz quux", { a: "foo bar", b: "baz", c: "quux" }],
    ["%{k1}=%{&k1}, %{k2}=%{&k2}", "foo=bar, baz=quux", { k1: "foo", k2: "baz", foo: "bar", baz: "quux" }],
    ["%{k1}=%{&k3}, %{k2}=%{&k4}", "foo=bar, baz=quux", { k1: "foo", k2: "baz" }],
    ["%{?k1}=%{&k1}, %{?k2}=%{&k2}", "foo=bar, baz=quux", { foo: "bar", baz: "quux" }],
    ["%{*k1}=%{&k1}", "foo=bar", { foo: "bar" }],
    ["%{a->}   %{b->}---%{c}", "foo            bar------------baz", { a: "foo", b: "bar", c: "baz" }],
    ["%{?->}-%{a}", "-----666", { a: "666" }],
    ["%{->}-%{a}", "-----666", { a: "666" }],
    ["%{a},%{b},%{c},%{d}", "111,,333,", { a: "111", b: "", c: "333", d: "" }],
    ["%{a}.࿏.%{b}", "⟳༒.࿏.༒⟲", { a: "⟳༒", b: "༒⟲" }],
    ["%{a}: %{+a/1->} %{b}", "x: y   z", { a: "x: y", b: "z" }],
    ["%{+a->/2} %{+a/1}", "x   y", { a: "y x" }],
    ["%{a}", "all of it", { a: "all of it" }],
    ["%{a};", "x; rest", { a: "x" }],
    ["<%{a}>", "<x>y", { a: "x" }],
    ["%{[n][a]} %{[n][b]}", "x y", { n: { a: "x", b: "y" } }],
    ["%{?k} %{&k}", "[n][a] v", { n: { a: "v" } }],
    ["%{?k} %{&k}", "__proto__ v", JSON.parse('{"__proto__":"v"}')],
    ["%{?k} %{&k}", " v", {}],
    ["%{a}\n%{b}", "x\ny", { a: "x", b: "y" }],
    ["%{a->} %{b}", "x ", { a: "x", b: "" }],
    // A delimiter at the very beginning is not stepped over, as in Logstash.
    ["%{a} %{b}", " x y", { a: "", b: " x y" }],
    ["%{a}aa%{b}", "xaaay", { a: "x", b: "ay" }],
  ] as [string, string, object][])("%j of %j", (mapping, text, expected) => {
    const { result, rest } = cut(mapping, text);
    expect(result).toBe("matched");
    expect(JSON.stringify(rest)).toBe(JSON.stringify(expected));
  });

  it.each([
    ["%{a} %{b}", "foo"],
    ["%{a} %{b}", ""],
    ["[%{a}] %{b}", "x[foo] y"],
    ["[%{a}] %{b}", "foo] y"],
    ["%{a};", "x"],
    ["%{a}, %{b}, %{c}", "x, y"],
  ])("%j does not fit %j", (mapping, text) => {
    expect(cut(mapping, text)).toEqual({ result: "failed", rest: FAILED });
  });

  it.each([
    ["%{+a} %{b}", '"a":"old",', "x y", { a: "old x", b: "y" }],
    ["%{b} %{+a}", '"a":"old",', "x y", { a: "old y", b: "x" }],
    ["%{b}-%{+a}", '"a":5,', "x-y", { a: "5-y", b: "x" }],
    ["%{&k} %{b}", '"k":"named",', "x y", { k: "named", b: "y", named: "x" }],
    ["%{a} %{b}", '"a":[1],', "x y", { a: "x", b: "y" }],
  ])("%j with %s", (mapping, more, text, expected) => {
    expect(cut(mapping, text, more)).toEqual({ result: "matched", rest: expected });
  });

  it.each([
    ["a missing field", "{}", "{}", "unmatched"],
    ["null", '{"m":null}', '{"m":null,"tags":["_dissectfailure"]}', "failed"],
    ["an empty text", '{"m":""}', '{"m":"","tags":["_dissectfailure"]}', "failed"],
    ["a number", '{"m":12}', '{"m":12,"a":"1","b":""}', "matched"],
    ["a list", '{"m":["1 2"]}', '{"m":["1 2"],"tags":["_dissectfailure"]}', "failed"],
    ["an object", '{"m":{"x":"1 2"}}', '{"m":{"x":"1 2"},"tags":["_dissectfailure"]}', "failed"],
  ])("%s", (_, before, after, result) => {
    expect(apply(dissect, { mapping: { m: "%{a}2%{b}" } }, before)).toMatchObject({ event: after, result });
  });

  it("a field without a place fails; what was written stays", () => {
    expect(cut("%{a} %{?k} %{&k}", "x [bad y")).toEqual({ result: "failed", rest: { a: "x", ...FAILED } });
    expect(cut("%{a} %{[m][b]}", "x y")).toEqual({ result: "failed", rest: { a: "x", ...FAILED } });
  });

  it("takes several mappings, each on what is there by then", () => {
    const mapping = { m: "%{a} %{b}", b: "%{c}-%{d}", x: "%{y}", a: "%{e}:%{f}" };
    expect(apply(dissect, { mapping }, '{"m":"1 2-3"}')).toMatchObject({
      result: "matched",
      event: '{"m":"1 2-3","a":"1","b":"2-3","c":"2","d":"3","tags":["_dissectfailure"]}',
    });
  });

  it.each([
    ["int", '"42"', "42", undefined],
    ["int", '"-3.9"', "-3", undefined],
    ["INT", '"1e3"', "1000", undefined],
    ["int", "7.5", "7", undefined],
    ["int", '"99999999999999999999"', '"99999999999999999999"', undefined],
    ["float", '"1.50"', "1.5", undefined],
    ["float", '"1e999"', '"1e999"', undefined],
    ["int", '"x"', '"x"', "_dataconversionuncoercible_n_int"],
    ["int", '" 1"', '" 1"', "_dataconversionuncoercible_n_int"],
    ["float", '"1_0"', '"1_0"', "_dataconversionuncoercible_n_float"],
    ["int", '["1"]', '["1"]', "_dataconversionuncoercible_n_int"],
    ["float", "true", "true", "_dataconversionuncoercible_n_float"],
    ["int", "null", "null", "_dataconversionnullvalue_n_int"],
  ])("converts to %s: %s", (type, before, after, tag) => {
    const { event } = apply(dissect, { convert_datatype: { n: type } }, `{"n":${before}}`);
    expect(event).toBe(`{"n":${after}${tag ? `,"tags":["${tag}"]` : ""}}`);
  });

  it("a missing field cannot be converted", () => {
    expect(apply(dissect, { convert_datatype: { "[a][b]": "int" } }, "{}")).toMatchObject({
      event: '{"tags":["_dataconversionnullvalue_[a][b]_int"]}',
      result: "unmatched",
    });
  });

  it("cuts a million characters", () => {
    const { rest } = cut("%{a->} %{b}", `x${" ".repeat(1_000_000)}y`);
    expect(rest).toEqual({ a: "x", b: "y" });
  });

  it.each<[object, string]>([
    [{ mapping: { m: "" } }, 'mapping.m: the mapping "" matches no text: it has no field'],
    [{ mapping: { m: "text" } }, "it has no field"],
    [{ mapping: { m: "%{a}%{b}" } }, "nothing stands between %{a} and %{b}"],
    [{ mapping: { m: "%{+/2} %{a}" } }, "%{+/2} has no name"],
    [{ mapping: { m: "%{&}" } }, "%{&} has no name"],
    [{ mapping: { m: "%{+&a}" } }, "%{+&a} mixes + and &"],
    [{ mapping: { m: "%{&+a}" } }, "%{&+a} mixes + and &"],
    [{ mapping: { m: "%{[a} %{b}" } }, '"[a" is no field reference'],
    [{ mapping: { "m[": "%{a}" } }, '"m[" is no field reference'],
    [{ convert_datatype: { a: "integer" } }, "convert_datatype.a: must be one of int, float"],
    [{}, "has nothing to do"],
  ])("%j is refused: %s", (options, problem) => {
    expect(refusals(dissect, options)).toEqual([expect.stringContaining(problem)]);
  });

  it("a mapping is plain data", () => {
    const parsed = parseDissection("<%{a->} %{+b/2}");
    expect(JSON.parse(JSON.stringify(parsed))).toEqual([
      { kind: "normal", name: "a", path: ["a"], order: 0, before: "<", behind: " ", afterPadding: false },
      { kind: "append", name: "b", path: ["b"], order: 2, before: " ", afterPadding: true },
    ]);
  });
});
