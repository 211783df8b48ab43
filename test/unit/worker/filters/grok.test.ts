import { describe, expect, it } from "vitest";
import type { Filter, GrokOptions } from "../../../../worker/filters/filter.ts";
import { grok } from "../../../../worker/filters/grok.ts";
import { apply, refusals, TOOLS } from "./tools.ts";

/** What the compiler is asked for. */
function compiled(options: object): GrokOptions {
  let asked: GrokOptions | undefined;
  const compile = (spec: GrokOptions): Filter => {
    asked = spec;
    return { apply: () => "matched" };
  };
  expect(apply(grok, options, "{}", { ...TOOLS, grok: { compile } }).result).toBe("matched");
  return asked!;
}

const DEFAULTS: GrokOptions = {
  match: [[["message"], ["%{A}"]]],
  pattern_definitions: [],
  patterns_dir: [],
  break_on_match: true,
  keep_empty_captures: false,
  named_captures_only: true,
  overwrite: [],
  tag_on_failure: ["_grokparsefailure"],
  tag_on_timeout: "_groktimeout",
};

describe("grok", () => {
  it.each<[object, Partial<GrokOptions>]>([
    [{ match: { message: "%{A}" } }, {}],
    [{ match: { message: "%{A}" }, target: "" }, {}],
    [
      { match: { message: ["%{A}", "%{B}"], "[a][b]": "%{C}" } },
      {
        match: [
          [["message"], ["%{A}", "%{B}"]],
          [["a", "b"], ["%{C}"]],
        ],
      },
    ],
    [
      {
        match: new Map([
          ["10", "%{A}"],
          ["9", "%{B}"],
          ["__proto__", "%{C}"],
        ]),
      },
      {
        match: [
          [["10"], ["%{A}"]],
          [["9"], ["%{B}"]],
          [["__proto__"], ["%{C}"]],
        ],
      },
    ],
    [
      { match: { message: "%{A}" }, pattern_definitions: { A: "\\d+", B: "b" } },
      {
        pattern_definitions: [
          ["A", "\\d+"],
          ["B", "b"],
        ],
      },
    ],
    [
      {
        match: { message: "%{A}" },
        patterns_dir: "dir",
        break_on_match: false,
        keep_empty_captures: "true",
        named_captures_only: false,
        overwrite: "message",
        target: "[a][b]",
        tag_on_failure: [],
        tag_on_timeout: "slow",
      },
      {
        patterns_dir: ["dir"],
        break_on_match: false,
        keep_empty_captures: true,
        named_captures_only: false,
        overwrite: [["message"]],
        target: ["a", "b"],
        tag_on_failure: [],
        tag_on_timeout: "slow",
      },
    ],
  ])("%j", (options, expected) => {
    expect(compiled(options)).toEqual({ ...DEFAULTS, ...expected });
  });

  it.each<[object, string]>([
    [{}, "match: "],
    [{ match: {} }, "match: names no pattern"],
    [{ match: { message: [] } }, "match: names no pattern"],
    [{ match: "%{A}" }, "match: must be a mapping"],
    [{ match: { "a[": "%{A}" } }, 'match.a[: "a[" is no field reference'],
    [{ match: { message: [{}] } }, "match.message.0: must be a text"],
    [{ match: { message: "%{A}" }, break_on_match: "no" }, "break_on_match: must be true or false"],
    [{ match: { message: "%{A}" }, pattern_definitions: { A: ["x"] } }, "pattern_definitions.A: must be a text"],
  ])("%j is refused: %s", (options, problem) => {
    expect(refusals(grok, options)).toEqual([expect.stringContaining(problem)]);
  });

  it("passes on what the compiler refuses", () => {
    expect(() => apply(grok, { match: { message: "%{A}" } }, "{}")).toThrow("no grok compiler here");
  });
});
