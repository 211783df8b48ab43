import { describe, expect, it } from "vitest";
import { date } from "../../../../worker/filters/date.ts";
import type { DateReaderOptions, FilterTools } from "../../../../worker/filters/filter.ts";
import { apply, refusals, TOOLS } from "./tools.ts";

describe("date", () => {
  it.each<[object, string, string, string]>([
    [
      { match: ["t", "ISO8601"] },
      '{"t":"2013-01-04T10:00:00+01:00"}',
      '{"t":"2013-01-04T10:00:00+01:00","@timestamp":"2013-01-04T09:00:00.000Z"}',
      "matched",
    ],
    [
      { match: ["t", "ISO8601"], target: "[a][b]" },
      '{"t":"2013-01-04T10:00:00Z"}',
      '{"t":"2013-01-04T10:00:00Z","a":{"b":"2013-01-04T10:00:00.000Z"}}',
      "matched",
    ],
    [
      { match: ["t", "ISO8601"], target: "t" },
      '{"t":"2013-01-04T10:00:00Z"}',
      '{"t":"2013-01-04T10:00:00.000Z"}',
      "matched",
    ],
    [
      { match: ["t", "ISO8601", "UNIX"] },
      '{"t":1357290000}',
      '{"t":1357290000,"@timestamp":"2013-01-04T09:00:00.000Z"}',
      "matched",
    ],
    [
      { match: ["[a][t]", "UNIX"] },
      '{"a":{"t":"1357290000"}}',
      '{"a":{"t":"1357290000"},"@timestamp":"2013-01-04T09:00:00.000Z"}',
      "matched",
    ],
    [
      { match: ["t", "ISO8601"], timezone: "+02:00" },
      '{"t":"2013-01-04T10:00:00"}',
      '{"t":"2013-01-04T10:00:00","@timestamp":"2013-01-04T08:00:00.000Z"}',
      "matched",
    ],
    [
      { match: ["t", "ISO8601"], timezone: "%{z}" },
      '{"z":"+02:00","t":"2013-01-04T10:00:00"}',
      '{"z":"+02:00","t":"2013-01-04T10:00:00","@timestamp":"2013-01-04T08:00:00.000Z"}',
      "matched",
    ],
    [
      { match: ["t", "ISO8601"], timezone: "%{z}" },
      '{"t":"2013-01-04T10:00:00"}',
      '{"t":"2013-01-04T10:00:00","tags":["_dateparsefailure"]}',
      "failed",
    ],
    [
      { match: ["t", "ISO8601"] },
      '{"t":"x","@timestamp":"old"}',
      '{"t":"x","@timestamp":"old","tags":["_dateparsefailure"]}',
      "failed",
    ],
    [{ match: ["t", "ISO8601"] }, '{"t":""}', '{"t":"","tags":["_dateparsefailure"]}', "failed"],
    [
      { match: ["t", "ISO8601"] },
      '{"t":["2013-01-04T10:00:00Z"]}',
      '{"t":["2013-01-04T10:00:00Z"],"tags":["_dateparsefailure"]}',
      "failed",
    ],
    [{ match: ["t", "ISO8601"] }, '{"t":{"a":1}}', '{"t":{"a":1},"tags":["_dateparsefailure"]}', "failed"],
    [{ match: ["t", "ISO8601"] }, '{"t":true}', '{"t":true,"tags":["_dateparsefailure"]}', "failed"],
    [{ match: ["t", "ISO8601"] }, '{"t":null}', '{"t":null}', "unmatched"],
    [{ match: ["t", "ISO8601"] }, "{}", "{}", "unmatched"],
    [
      { match: ["t", "ISO8601"], target: "[t][x]" },
      '{"t":"2013-01-04T10:00:00Z"}',
      '{"t":"2013-01-04T10:00:00Z","tags":["_dateparsefailure"]}',
      "failed",
    ],
    [{ match: ["t", "ISO8601"], tag_on_failure: ["a", "b"] }, '{"t":"x"}', '{"t":"x","tags":["a","b"]}', "failed"],
  ])("%j: %s → %s", (options, before, after, result) => {
    expect(apply(date, options, before)).toMatchObject({ event: after, result });
  });

  it("hands patterns, locale and a zone that no line says to the compiler, once", () => {
    const asked: DateReaderOptions[] = [];
    const dates: FilterTools["dates"] = {
      compile(options) {
        asked.push(options);
        return { read: () => undefined };
      },
    };
    apply(date, { match: ["t", "MMM dd", "dd MMM"], locale: "cs_CZ" }, "{}", { ...TOOLS, dates });
    apply(date, { match: ["t", "UNIX"], timezone: "Europe/Prague" }, "{}", { ...TOOLS, dates });
    apply(date, { match: ["t", "UNIX"], timezone: "%{zone}" }, "{}", { ...TOOLS, dates });
    expect(asked).toEqual([
      { patterns: ["MMM dd", "dd MMM"], locale: "cs-CZ" },
      { patterns: ["UNIX"], zone: "Europe/Prague" },
      { patterns: ["UNIX"] },
    ]);
  });

  it.each<[object, string]>([
    [{}, "match: "],
    [{ match: "t" }, "match: needs a field and a pattern"],
    [{ match: ["t"] }, "match: needs a field and a pattern"],
    [{ match: ["[t", "ISO8601"] }, 'match: "[t" is no field reference'],
    [{ match: ["t", "ISO8601"], target: "" }, 'target: "" is no field reference'],
    [{ match: ["t", "ISO8601"], timezone: "%{[}" }, 'timezone: "[" is no field reference'],
  ])("%j is refused: %s", (options, problem) => {
    expect(refusals(date, options)).toEqual([expect.stringContaining(problem)]);
  });
});
