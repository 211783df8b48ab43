import { describe, expect, it } from "vitest";
import { capitalize, gsub, split, strip, toInteger } from "../../../../worker/filters/ruby-text.ts";
import { ENDLESS, TOOLS } from "./tools.ts";

describe("gsub", () => {
  it.each([
    ["hello", "l", "L", "heLLo"],
    ["hello", "x", "y", "hello"],
    ["hello", "([el])", String.raw`<\1>`, "h<e><l><l>o"],
    ["hello", "(?<v>[eo])", String.raw`{\k<v>}`, "h{e}ll{o}"],
    ["a-b", "(a)-(b)", String.raw`\2-\1`, "b-a"],
    ["ab", "b", String.raw`[\0\&]`, "a[bb]"],
    ["abc", "b", String.raw`[\`|\']`, "a[a|c]c"],
    ["ab", "b", String.raw`\\1`, String.raw`a\1`],
    ["ab", "b", String.raw`\9\k<none>`, "a"],
    ["ab", "b", String.raw`\q`, String.raw`a\q`],
    ["ab", "b", "$1 $&", "a$1 $&"],
    ["abc", "", "-", "-a-b-c-"],
    ["a😀b", "", "-", "-a-😀-b-"],
    ["abab", "(?=b)", "|", "a|ba|b"],
    ["aaa", "a*", "x", "xx"],
    ["x\ny", "^", "> ", "> x\n> y"],
    ["", "x", "y", ""],
    ["", "^", "y", "y"],
  ])("%j /%s/ %j → %j", (text, source, replacement, expected) => {
    expect(gsub(text, TOOLS.regex.compile(source), replacement)).toBe(expected);
  });

  it("gives up when the search does", () => {
    expect(gsub(ENDLESS, TOOLS.regex.compile("x"), "y")).toBeUndefined();
  });
});

it.each([
  ["a,b", ",", ["a", "b"]],
  [",a,,b,,", ",", ["", "a", "", "b"]],
  ["", ",", []],
  [",", ",", []],
  [" a  b ", " ", ["a", "b"]],
  ["   ", " ", []],
  ["a.b", ".", ["a", "b"]],
  ["a||b|c", "||", ["a", "b|c"]],
  ["añ", "", ["a", "ñ"]],
])("%j split by %j", (text, separator, parts) => {
  expect(split(text, separator)).toEqual(parts);
});

it.each([
  ["  x ", "x"],
  ["\0\v\fx\r\n", "x"],
  ["", ""],
  [" \t ", ""],
  ["x y", "x y"],
])("%j stripped", (text, expected) => {
  expect(strip(text)).toBe(expected);
});

it.each([
  ["", ""],
  ["aBC", "Abc"],
  ["žLUŤ", "Žluť"],
  ["1AB", "1ab"],
  ["😀AB", "😀ab"],
])("%j capitalized", (text, expected) => {
  expect(capitalize(text)).toBe(expected);
});

it.each([
  ["13", 13],
  [" 13abc", 13],
  ["-5", -5],
  ["abc", 0],
  ["", 0],
  ["1.9", 1],
])("%j as an integer", (text, expected) => {
  expect(toInteger(text)).toBe(expected);
});
