import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError } from "../../../../worker/contract/errors.ts";
import type { FilterKind, FilterResult } from "../../../../worker/filters/filter.ts";
import { FILTERS } from "../../../../worker/filters/index.ts";
import { parseDefinition } from "../../../../worker/pipeline/definition.ts";
import { LogEvent } from "../../../../worker/pipeline/event.ts";
import { CONDITION_OVER_BUDGET, interpret } from "../../../../worker/pipeline/interpret.ts";
import { ENDLESS, fieldsOf, LINE, TOOLS } from "../filters/tools.ts";

/** A filter that says what it is told to. */
const say: FilterKind<{ result: string }> = {
  name: "say",
  schema: z.strictObject({ result: z.string() }),
  create: ({ result }) => ({ apply: () => result as FilterResult }),
};
const WITH_SAY = new Map([...FILTERS, [say.name, say]]);

function run(filters: string, event: string) {
  const pipeline = interpret(parseDefinition(`name: p\nfilters:\n${filters}`, "p.yaml", WITH_SAY), TOOLS, WITH_SAY);
  const on = new LogEvent(fieldsOf(event));
  return { ...pipeline(on, LINE), event: JSON.stringify(on.fields) };
}

const BRANCHES = `
  - if: '[n] == 1'
    then: [{ tags: { add: one } }]
    else:
      if: '[n] == 2'
      then: [{ tags: { add: two } }]
      else: [{ tags: { add: other } }]
  - tags: { add: end }`;

const STAGES = `
  - stage: outer
    if: '[a]'
    filters:
      - stage: inner
        if: '[b]'
        filters: [{ json: { source: b } }]
      - { stage: after, filters: [{ tags: { add: x } }] }
  - { stage: last, filters: [] }`;

describe("a pipeline run plainly", () => {
  it.each([
    [1, '{"n":1,"tags":["one","end"]}'],
    [2, '{"n":2,"tags":["two","end"]}'],
    [3, '{"n":3,"tags":["other","end"]}'],
  ])("takes one branch for %i", (n, event) => {
    expect(run(BRANCHES, `{"n":${n}}`)).toEqual({ verdict: undefined, stages: [], event });
  });

  it.each([
    ["{}", [["last", false]]],
    [
      '{"a":1}',
      [
        ["outer", false],
        ["after", false],
        ["last", false],
      ],
    ],
    [
      '{"a":1,"b":"{}"}',
      [
        ["outer", false],
        ["inner", false],
        ["after", false],
        ["last", false],
      ],
    ],
    [
      '{"a":1,"b":"{"}',
      [
        ["outer", true],
        ["inner", true],
        ["after", false],
        ["last", false],
      ],
    ],
  ])("tells its stages for %s", (event, stages) => {
    expect(run(STAGES, event).stages.map(({ name, failed }) => [name, failed])).toEqual(stages);
  });

  it("ends where an event is dropped", () => {
    const filters = `
  - stage: s
    filters:
      - if: '[noise]'
        then: [{ drop: { reason: noise } }]
      - tags: { add: kept }
  - { stage: t, filters: [] }`;
    expect(run(filters, '{"noise":true}')).toEqual({
      verdict: { drop: "noise" },
      stages: [{ name: "s", failed: false }],
      event: '{"noise":true}',
    });
    expect(run(filters, "{}")).toMatchObject({ verdict: undefined, event: '{"tags":["kept"]}' });
  });

  it.each([
    ["matched", '{"a":1,"f":"v","tags":["t"]}'],
    ["unmatched", '{"a":1}'],
    ["failed", '{"a":1}'],
  ])("adds fields and tags to what has %s", (result, event) => {
    expect(run(`  - say: { result: ${result}, add_field: { f: v }, add_tag: t }`, '{"a":1}').event).toBe(event);
  });

  it("conditions see what filters have done", () => {
    const filters = `
  - kv: {}
  - if: '[user] in ["root"] and "x" not in [tags]'
    then: [{ mutate: { replace: { who: 'the %{user}' }, remove_field: [user] } }]`;
    expect(run(filters, '{"message":"user=root"}').event).toBe('{"message":"user=root","who":"the root"}');
    expect(run(filters, '{"message":"user=joe"}').event).toBe('{"message":"user=joe","user":"joe"}');
  });

  it("tags an event for which a condition was given up, and goes on as without a match", () => {
    const filters =
      "  - { if: '[a] =~ /x/ or [b] == 1', then: [{ tags: { add: then } }], else: [{ tags: { add: else } }] }";
    expect(run(filters, `{"a":"${ENDLESS} x"}`).event).toBe(
      `{"a":"${ENDLESS} x","tags":["${CONDITION_OVER_BUDGET}","else"]}`,
    );
    expect(run(filters, `{"a":"${ENDLESS}","b":1}`).event).toContain(`["${CONDITION_OVER_BUDGET}","then"]`);
    expect(run(filters, '{"a":"x"}').event).toBe('{"a":"x","tags":["then"]}');
  });

  it("a condition that was given up for one event is asked anew for the next", () => {
    const text = "name: p\nfilters: [{ if: '[a] =~ /x/', then: [{ tags: { add: then } }] }]";
    const pipeline = interpret(parseDefinition(text, "p.yaml"), TOOLS);
    const tagsOf = (a: string) => {
      const event = new LogEvent({ a });
      pipeline(event, LINE);
      return event.fields.tags;
    };
    expect([ENDLESS, "x", "y"].map(tagsOf)).toEqual([[CONDITION_OVER_BUDGET], ["then"], undefined]);
  });

  it("keeps nothing from event to event", () => {
    const pipeline = interpret(parseDefinition(`name: p\nfilters:\n${STAGES}`, "p.yaml"), TOOLS);
    const once = () => {
      const event = new LogEvent({ a: 1, b: "{" });
      return JSON.stringify([pipeline(event, LINE), event.fields]);
    };
    expect([once(), once()]).toEqual([once(), once()]);
    expect(once()).toContain("_jsonparsefailure");
  });

  it("says all that the tools refuse at once, with the places", () => {
    const filters = `
  - grok: { match: { message: '%{A}' } }
  - stage: s
    if: '[a] =~ /(/'
    filters:
      - date: { match: [a, nonsense] }
      - kv: {}
  - { if: '[a] =~ /)/', then: [], else: [{ geoip: { source: a, database: d } }] }`;
    const attempt = () => run(filters, "{}");
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(
      [
        "p.yaml:4:5: grok: no grok compiler here",
        "p.yaml:5:5: if: column 1 of `(`: a `(` without its `)`; mend the expression",
        "p.yaml:8:9: date: no pattern nonsense here",
        "p.yaml:10:5: if: column 1 of `)`: a `)` without its `(`; mend the expression",
        "p.yaml:10:44: geoip: no database d here",
      ].join("\n"),
    );
  });
});
