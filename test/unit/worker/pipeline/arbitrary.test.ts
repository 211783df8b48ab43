import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../worker/contract/errors.ts";
import type { FilterTools } from "../../../../worker/filters/filter.ts";
import { parseCondition } from "../../../../worker/pipeline/condition.ts";
import { parseDefinition } from "../../../../worker/pipeline/definition.ts";
import { prepareCondition } from "../../../../worker/pipeline/evaluate-condition.ts";
import { LogEvent, tryFieldPath, type Fields, type Json } from "../../../../worker/pipeline/event.ts";
import { interpret } from "../../../../worker/pipeline/interpret.ts";
import { parseTemplate, renderTemplate } from "../../../../worker/pipeline/sprintf.ts";
import { writeMmdb } from "../filters/mmdb-writer.ts";
import { LINE, TOOLS } from "../filters/tools.ts";

/** Whatever stands in an event or in a definition: what is no definition is a ConfigError, and an event never throws. */

const names = fc.constantFrom(
  "a",
  "b",
  "c",
  "tags",
  "@timestamp",
  "__proto__",
  "constructor",
  "0",
  "[a][b]",
  "[a",
  "@metadata",
);
const words = fc.oneof(
  names,
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom(
    "1",
    "x=1 y=(z=2)",
    "147.251.4.33",
    '{"a":{"b":[1]}}',
    "2013-01-04T10:00:00Z",
    "x y z",
    "%{a}",
    "9e99",
  ),
);
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    words,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(names, tie("value")), { maxLength: 3 }).map(fieldsOf),
  ),
})).value;
const events = fc.array(fc.tuple(names, json), { maxLength: 6 }).map(fieldsOf);

function fieldsOf(entries: readonly (readonly [string, Json])[]): Fields {
  return Object.fromEntries(entries);
}

const WHOLE = `
name: all
filters:
  - grok: { match: { a: '%{A}' }, add_field: { '%{b}': '%{c}' } }
  - dissect: { mapping: { a: '%{?k->} %{&k} %{+b}', b: '%{a}:%{+[a][b]}' }, convert_datatype: { c: int, b: float } }
  - kv: { source: a, recursive: true, allow_duplicate_values: false, trim_key: x, prefix: '%{b}' }
  - kv: { source: b, target: '[a][kv]' }
  - json: { source: c }
  - json: { source: a, target: '[a][b]' }
  - date: { match: [b, ISO8601], timezone: '%{c}', target: '[c][d]' }
  - geoip: { source: a, database: city, target: b }
  - syslog_pri: { syslog_pri_field_name: c }
  - if: '[a] == [b] or [a] in [c] or [b] < [a]'
    then: []
  - stage: changes
    if: '[a] or "x" in [b] and !([c] =~ /x/)'
    filters:
      - mutate:
          coerce: { a: x }
          rename: { '%{a}': '%{b}', b: '[a][b]' }
          update: { c: '%{a}' }
          replace: { '[c][0]': '%{+yyyy}' }
      - mutate: { convert: { a: integer, b: float_eu, c: boolean } }
      - mutate: { gsub: [a, '(x)|^', '\\1-\\0'], uppercase: [b], capitalize: [c], lowercase: [a], strip: [a, b, c] }
      - mutate: { split: { a: ' ', b: '' }, join: { c: ',' }, merge: { a: [b, c], tags: a }, copy: { a: '[b][c]' } }
      - tags: { add: ['%{a}', x], remove: '%{b}', remove_field: ['%{c}', '[a][0]'] }
  - if: '[a][b]'
    then: [{ drop: { reason: deep } }]
`;

const city = writeMmdb("GeoLite2-City", 6, { "147.251.0.0/16": { location: { latitude: 1.5, longitude: 2.5 } } });
const tools: FilterTools = {
  ...TOOLS,
  databases: { open: () => city },
  grok: { compile: () => ({ apply: (event) => (event.has(["a"]) ? "matched" : "failed") }) },
};

describe("whatever an event holds", () => {
  const pipeline = interpret(parseDefinition(WHOLE, "all.yaml"), tools);

  it("filters do not throw, give JSON, and do the same again", () => {
    const once = (fields: Fields) => {
      const event = new LogEvent(structuredClone(fields));
      const { verdict, stages } = pipeline(event, LINE);
      return JSON.stringify([verdict ?? null, stages, event.fields, event.metadata]);
    };
    fc.assert(
      fc.property(events, (fields) => {
        const result = once(fields);
        expect(JSON.stringify(JSON.parse(result))).toBe(result);
        expect(once(fields)).toBe(result);
        expect(({} as Record<string, unknown>).a).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });
});

describe("whatever stands in a definition", () => {
  const pieces = (...texts: readonly string[]) =>
    fc
      .array(fc.oneof(fc.constantFrom(...texts), fc.string({ maxLength: 4 })), { maxLength: 12 })
      .map((all) => all.join(""));

  /** Nothing but a ConfigError with a message. */
  function refusesAtMost<T>(make: () => T): T | undefined {
    try {
      return make();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as Error).message).not.toBe("");
      return undefined;
    }
  }

  it("a condition is read or refused, and then answers", () => {
    const texts = pieces(
      "[a]",
      "[b][c]",
      " and ",
      " or ",
      " xor ",
      "==",
      " < ",
      "=~",
      "/x/",
      "in",
      " not ",
      "!",
      "(",
      ")",
      '"x"',
      "[",
      "]",
      ",",
      "1",
      "#",
      "\n",
      "'",
    );
    fc.assert(
      fc.property(texts, events, (text, fields) => {
        const condition = refusesAtMost(() => parseCondition(text));
        const test = condition && prepareCondition(condition, (source) => (value) => value.includes(source));
        if (test) expect(typeof test(new LogEvent(fields))).toBe("boolean");
      }),
      { numRuns: 1000 },
    );
  });

  it("a template is read or refused, and then gives a text", () => {
    const texts = pieces("%{", "}", "a", "[a]", "[b][0]", "+", "yyyy", "'", "%s", "{", "}}", "[", "]");
    fc.assert(
      fc.property(texts, events, (text, fields) => {
        const template = refusesAtMost(() => parseTemplate(text));
        if (template) expect(typeof renderTemplate(template, new LogEvent(fields))).toBe("string");
      }),
      { numRuns: 1000 },
    );
  });

  it("a field reference leads to what was written there, if there is such a place", () => {
    const texts = pieces("[", "]", "a", "[a]", "0", "tags", "[@metadata]");
    fc.assert(
      fc.property(texts, events, (text, fields) => {
        const path = tryFieldPath(text);
        const event = new LogEvent(fields);
        const before = JSON.stringify(event.fields);
        if (!path) return;
        const written = event.set(path, "value");
        if (!written) expect(JSON.stringify(event.fields)).toBe(before);
        else expect(event.get(path)).toEqual(path.length === 1 && path[0] === "tags" ? ["value"] : "value");
      }),
      { numRuns: 1000 },
    );
  });

  it("a YAML is read or refused", () => {
    const lines = fc.array(
      fc.tuple(
        fc.constantFrom("", "  ", "    ", "      "),
        pieces(
          "name: p",
          "filters:",
          "- ",
          "grok:",
          "drop: { reason: x }",
          "if: '[a]'",
          "then: []",
          "stage: s",
          "mutate: ",
          "{ rename: { a: b } }",
          ": ",
          "&a ",
          "*a",
          "[",
          "]",
          "{",
          "}",
          "'",
          '"',
          "|",
        ),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(lines, (all) => {
        const text = "name: p\nfilters:\n" + all.map(([indent, line]) => indent + line).join("\n");
        refusesAtMost(() => parseDefinition(text, "x.yaml"));
      }),
      { numRuns: 1000 },
    );
  });
});
