import { describe, expect, it } from "vitest";
import { mutate } from "../../../../worker/filters/mutate.ts";
import { apply, ENDLESS, refusals } from "./tools.ts";

const OK = "matched";
const FAILED = "failed";
const ERROR = '"tags":["_mutate_error"]';

describe("mutate", () => {
  it.each<[object, string, string, unknown]>([
    // coerce
    [{ coerce: { a: "x" } }, '{"a":null}', '{"a":"x"}', OK],
    [{ coerce: { a: "%{b}" } }, '{"a":null,"b":1}', '{"a":"1","b":1}', OK],
    [{ coerce: { a: "x" } }, '{"a":"y"}', '{"a":"y"}', OK],
    [{ coerce: { a: "x" } }, "{}", "{}", OK],
    // rename
    [{ rename: { a: "b" } }, '{"a":1}', '{"b":1}', OK],
    [{ rename: { a: "[b][c]" } }, '{"a":[1]}', '{"b":{"c":[1]}}', OK],
    [{ rename: { "[a][b]": "c" } }, '{"a":{"b":null}}', '{"a":{},"c":null}', OK],
    [{ rename: { "%{n}": "x_%{n}" } }, '{"n":"a","a":1}', '{"n":"a","x_a":1}', OK],
    [{ rename: { a: "b", b: "c" } }, '{"a":1}', '{"c":1}', OK],
    [{ rename: { a: "b" } }, "{}", "{}", OK],
    [{ rename: { a: "a" } }, '{"a":1}', '{"a":1}', OK],
    [{ rename: { a: "[b][c]" } }, '{"a":1,"b":2}', `{"b":2,"a":1,${ERROR}}`, FAILED],
    [{ rename: { "%{n}": "x" } }, '{"n":"a[b"}', `{"n":"a[b",${ERROR}}`, FAILED],
    [
      { rename: JSON.parse('{"__proto__":"p","a":"__proto__"}') as object },
      '{"__proto__":1,"a":2}',
      '{"p":1,"__proto__":2}',
      OK,
    ],
    // update, replace
    [{ update: { a: "x%{b}" } }, '{"a":1,"b":2}', '{"a":"x2","b":2}', OK],
    [{ update: { a: "x" } }, "{}", "{}", OK],
    [{ update: { a: "x" } }, '{"a":null}', '{"a":"x"}', OK],
    [{ replace: { a: "x%{missing}" } }, "{}", '{"a":"x%{missing}"}', OK],
    [{ replace: { "[a][b]": 5 } }, "{}", '{"a":{"b":"5"}}', OK],
    [{ replace: { "[a][b]": "x" } }, '{"a":"text"}', `{"a":"text",${ERROR}}`, FAILED],
    [
      { replace: { d: "%{+yyyy}" } },
      '{"@timestamp":"2013-01-04T00:00:00.000Z"}',
      '{"@timestamp":"2013-01-04T00:00:00.000Z","d":"2013"}',
      OK,
    ],
    // convert
    [{ convert: { a: "integer" } }, '{"a":"42"}', '{"a":42}', OK],
    [{ convert: { a: "integer" } }, '{"a":["1",null," 2 "]}', '{"a":[1,null,2]}', OK],
    [{ convert: { a: "integer" } }, '{"a":{"b":"1"}}', '{"a":{"b":"1"}}', OK],
    [{ convert: { a: "integer" } }, '{"a":"abc","b":1}', `{"a":"abc","b":1,${ERROR}}`, FAILED],
    [{ convert: { a: "integer" }, uppercase: ["b"] }, '{"a":"","b":"x"}', `{"a":"","b":"x",${ERROR}}`, FAILED],
    [{ convert: { a: "integer" } }, "{}", "{}", OK],
    [{ convert: { a: "integer" } }, '{"a":null}', '{"a":null}', OK],
    [{ convert: { a: "string" } }, '{"a":[1,true,"x"]}', '{"a":["1","true","x"]}', OK],
    [{ convert: { tags: "integer" } }, '{"tags":["1"]}', '{"tags":["1","_mutate_error"]}', FAILED],
    // gsub
    [{ gsub: ["a", "/", "_"] }, '{"a":"x/y/z"}', '{"a":"x_y_z"}', OK],
    [{ gsub: ["a", "[aeiou]", ""] }, '{"a":["banana",5,null]}', '{"a":["bnn",5,null]}', OK],
    [{ gsub: ["a", "b", "%{c}"] }, '{"a":"abc","c":"-"}', '{"a":"a-c","c":"-"}', OK],
    [{ gsub: ["a", "x", "1", "a", "1", "2"] }, '{"a":"x"}', '{"a":"2"}', OK],
    [{ gsub: ["a", "x", "y"] }, '{"a":5}', '{"a":5}', OK],
    [{ gsub: ["a", "x", "y"] }, "{}", "{}", OK],
    [{ gsub: ["a", "x", "y"] }, '{"a":""}', '{"a":""}', OK],
    [{ gsub: ["a", "x", "y"] }, `{"a":"${ENDLESS} x"}`, `{"a":"${ENDLESS} x",${ERROR}}`, { overBudget: "x" }],
    // letters
    [{ uppercase: ["a"] }, '{"a":"žluť ß"}', '{"a":"ŽLUŤ SS"}', OK],
    [{ uppercase: "a" }, '{"a":["x",1,["y"]]}', '{"a":["X",1,["y"]]}', OK],
    [{ uppercase: ["a"] }, '{"a":{"b":"x"}}', '{"a":{"b":"x"}}', OK],
    [{ lowercase: ["a", "b"] }, '{"a":"X"}', '{"a":"x"}', OK],
    [{ capitalize: ["a"] }, '{"a":"hELLO wORLD"}', '{"a":"Hello world"}', OK],
    [{ capitalize: ["a"] }, '{"a":["","éA"]}', '{"a":["","Éa"]}', OK],
    [{ uppercase: ["a"], lowercase: ["a"] }, '{"a":"Ab"}', '{"a":"ab"}', OK],
    // strip
    [{ strip: ["a"] }, '{"a":" \\t x y\\n\\u0000"}', '{"a":"x y"}', OK],
    [{ strip: ["a"] }, '{"a":[" x"," "]}', '{"a":["x",""]}', OK],
    [{ strip: ["a"] }, '{"a":[" x",1]}', `{"a":[" x",1],${ERROR}}`, FAILED],
    [{ strip: ["a"] }, '{"a":7}', '{"a":7}', OK],
    [{ strip: ["a"] }, '{"a":"\\u00a0x"}', '{"a":"\u00a0x"}', OK],
    // split, join
    [{ split: { a: "," } }, '{"a":"x,y,,z,,"}', '{"a":["x","y","","z"]}', OK],
    [{ split: { a: " " } }, '{"a":"  x  y\\tz "}', '{"a":["x","y","z"]}', OK],
    [{ split: { a: "" } }, '{"a":"añ😀"}', '{"a":["a","ñ","😀"]}', OK],
    [{ split: { a: "." } }, '{"a":""}', '{"a":[]}', OK],
    [{ split: { a: "," } }, '{"a":5}', '{"a":5}', OK],
    [{ join: { a: "-" } }, '{"a":["x",1,null,["y",true]]}', '{"a":"x-1--y-true"}', OK],
    [{ join: { a: "-" } }, '{"a":[]}', '{"a":""}', OK],
    [{ join: { a: "-" } }, '{"a":"x"}', '{"a":"x"}', OK],
    [{ split: { a: "," }, join: { a: "+" } }, '{"a":"x,y"}', '{"a":"x+y"}', OK],
    // merge
    [{ merge: { a: "b" } }, '{"a":["x"],"b":["y"]}', '{"a":["x","y"],"b":["y"]}', OK],
    [{ merge: { a: "b" } }, '{"a":"x","b":"y"}', '{"a":["x","y"],"b":"y"}', OK],
    [{ merge: { a: ["b", "c"] } }, '{"a":"x","b":"y","c":"z"}', '{"a":["x","y","z"],"b":"y","c":"z"}', OK],
    [{ merge: { a: "b" } }, '{"b":"y"}', '{"b":"y","a":["y"]}', OK],
    [{ merge: { a: "b" } }, '{"a":"x"}', '{"a":["x"]}', OK],
    [{ merge: { a: "b" } }, '{"a":{"x":1,"y":1},"b":{"y":2}}', '{"a":{"x":1,"y":2},"b":{"y":2}}', OK],
    [{ merge: { a: "b" } }, '{"a":{"x":1},"b":"y"}', '{"a":{"x":1},"b":"y"}', OK],
    [{ merge: { a: "b" } }, '{"b":{"x":1}}', '{"b":{"x":1}}', OK],
    [{ merge: { tags: "b" } }, '{"tags":["x"],"b":["x","y"]}', '{"tags":["x","y"],"b":["x","y"]}', OK],
    // copy
    [{ copy: { a: "b" } }, '{"a":{"x":[1]}}', '{"a":{"x":[1]},"b":{"x":[1]}}', OK],
    [{ copy: { a: "[a][b]" } }, '{"a":{"x":1}}', '{"a":{"x":1,"b":{"x":1}}}', OK],
    [{ copy: { a: "b" } }, '{"a":null}', '{"a":null}', OK],
    [{ copy: { a: "b" } }, "{}", "{}", OK],
    [{ copy: { a: "[b][c]" } }, '{"a":1,"b":2}', `{"a":1,"b":2,${ERROR}}`, FAILED],
    // the order of operations is not that of the options
    [
      { copy: { c: "d" }, gsub: ["b", "-", "+"], rename: { a: "b" }, uppercase: ["b"], replace: { c: "%{b}" } },
      '{"a":"x-y"}',
      '{"b":"X+Y","c":"x-y","d":"x-y"}',
      OK,
    ],
    [{ rename: { a: "b" }, tag_on_failure: "mine" }, '{"a":1}', '{"b":1}', OK],
    [{ replace: { "[a][b]": "x" }, tag_on_failure: "mine" }, '{"a":1}', '{"a":1,"tags":["mine"]}', FAILED],
    [{}, '{"a":1}', '{"a":1}', OK],
  ])("%j: %s → %s", (options, before, after, result) => {
    expect(apply(mutate, options, before)).toMatchObject({ event: after, result });
  });

  it("a copy shares nothing", () => {
    const { event } = apply(mutate, { copy: { a: "b" }, merge: { c: "a" } }, '{"a":["x"],"c":[]}');
    expect(event).toBe('{"a":["x"],"c":["x"],"b":["x"]}');
  });

  it("replaces in a text of a million characters", () => {
    const { event } = apply(
      mutate,
      { gsub: ["a", "x", "yy"], strip: ["b"] },
      {
        a: "x".repeat(1_000_000),
        b: `x${" ".repeat(1_000_000)}x`,
      },
    );
    expect(event.length).toBe(2_000_000 + 1_000_002 + '{"a":"","b":""}'.length);
  });

  it.each<[object, string]>([
    [{ convert: { a: "int" } }, "convert.a: must be one of string, integer"],
    [{ gsub: ["a", "b"] }, "gsub: is a list of threes"],
    [{ gsub: ["a", "%{b}", "c"] }, "gsub.1: a pattern with %{…} in it is refused"],
    [{ gsub: ["a[", "b", "c"] }, 'gsub.0: "a[" is no field reference'],
    [{ rename: { "a[": "b" } }, 'rename.a[: "a[" is no field reference'],
    [{ rename: { a: "b]" } }, 'rename.a: "b]" is no field reference'],
    [{ rename: "a" }, "rename: must be a mapping"],
    [{ rename: ["a", "b"] }, "rename: must be a mapping"],
    [{ replace: { a: ["x"] } }, "replace.a: must be a text"],
    [{ uppercase: ["[]"] }, 'uppercase.0: "[]" is no field reference'],
    [{ upercase: ["a"] }, ": Unrecognized key"],
  ])("%j is refused: %s", (options, problem) => {
    expect(refusals(mutate, options)).toEqual([expect.stringContaining(problem)]);
  });

  it("refuses a pattern that does not compile", () => {
    expect(() => apply(mutate, { gsub: ["a", "(", ""] }, "{}")).toThrow("a `(` without its `)`");
  });
});
