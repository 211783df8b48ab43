import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../worker/contract/errors.ts";
import { LogEvent, type Fields } from "../../../../worker/pipeline/event.ts";
import { constantOf, fieldOf, parseTemplate, renderTemplate } from "../../../../worker/pipeline/sprintf.ts";

const event = new LogEvent(
  JSON.parse(
    '{"@timestamp":"2013-01-04T22:20:01.045678Z","host":"h1","n":5,"f":1.5,"t":true,"e":"","nil":null,' +
      '"list":["a",null,["b","c"],{"k":1}],"o":{"p":"q"},"__proto__":"own"}',
  ) as Fields,
  { m: "meta" },
);

describe("a template", () => {
  it.each([
    ["", ""],
    ["plain", "plain"],
    ["%{host}", "h1"],
    ["<%{host}-%{[o][p]}>", "<h1-q>"],
    ["%{n}/%{f}/%{t}", "5/1.5/true"],
    ["[%{e}]", "[]"],
    ["%{missing}", "%{missing}"],
    ["%{nil}", "%{nil}"],
    ["%{[o][x]}", "%{[o][x]}"],
    ["%{list}", 'a,,b,c,{"k":1}'],
    ["%{[list][0]}", "a"],
    ["%{o}", '{"p":"q"}'],
    ["%{__proto__}", "own"],
    ["%{constructor}", "%{constructor}"],
    ["%{[@metadata][m]}", "meta"],
    ["%{}", "%{}"],
    ["%{open", "%{open"],
    ["100%", "100%"],
    ["%%{host}}", "%h1}"],
    ["{%{host}}", "{h1}"],
    ["%{{host}", "%{{host}"],
    ["%{+%s}", "1357338001"],
    ["%{+yyyy.MM.dd}", "2013.01.04"],
    ["logs-%{+YYYY}-%{host}", "logs-2013-h1"],
    ["%{{yyyy-MM-dd}}", "2013-01-04"],
  ])("%s → %s", (text, expected) => {
    expect(renderTemplate(parseTemplate(text), event)).toBe(expected);
  });

  it.each([
    ["%{[a}", "field reference"],
    ["%{a]}", "field reference"],
    ["%{+bb}", "letter b"],
    ["%{+'open}", "closed"],
    ["%{{YYYY}}", "letter Y"],
    ["%{{TIME_NOW}}", "refused"],
  ])("%s is refused", (text, why) => {
    expect(() => parseTemplate(text)).toThrow(ConfigError);
    expect(() => parseTemplate(text)).toThrow(why);
  });

  it("without a time writes none", () => {
    for (const timestamp of [undefined, null, 7, "yesterday"]) {
      const none = new LogEvent(timestamp === undefined ? {} : { "@timestamp": timestamp });
      expect(renderTemplate(parseTemplate("<%{+yyyy}%{+%s}%{{yyyy}}>"), none)).toBe("<>");
    }
  });

  it("knows whether it takes something from the event", () => {
    expect(constantOf(parseTemplate("plain %{}"))).toBe("plain %{}");
    expect(constantOf(parseTemplate(""))).toBe("");
    expect(constantOf(parseTemplate("%{host}"))).toBeUndefined();
  });

  it("names a field", () => {
    expect(fieldOf(parseTemplate("[o][%{host}]"), event)).toEqual(["o", "h1"]);
    expect(fieldOf(parseTemplate("[%{e}]"), event)).toBeUndefined();
    expect(fieldOf(parseTemplate("%{list}"), new LogEvent({ list: "a[b" }))).toBeUndefined();
  });
});
