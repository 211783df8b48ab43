import { expect, it } from "vitest";
import { NO_RULES, type Rules } from "../../../../worker/contract/rules.ts";
import { fieldsOfRules } from "../../../../worker/pipeline/fields.ts";
import { DEFAULT_RULES } from "../../../support/rules.ts";

function fieldsOf(filters: string): Record<string, string> {
  const rules: Rules = {
    ...NO_RULES,
    pipelines: [{ services: ["x"], file: "p.yaml", text: `name: p\nfilters:\n${filters}` }],
    patterns: [{ name: "N", text: "[0-9]+", where: "here" }],
  };
  return Object.fromEntries(fieldsOfRules(rules).map(({ path, type }) => [path.join("."), type]));
}

it.each([
  [
    "captures by their types",
    "  - grok: { match: { message: '%{N:a:int} %{N:[b][c]:float} (?<d>x)%{N:e:ip}%{N:f:boolean}' } }",
    { a: "whole", "b.c": "fraction", d: "text", e: "address", f: "boolean" },
  ],
  [
    "one that holds different things is a text",
    "  - grok: { match: { message: ['%{N:a:int}', '%{N:a}'] } }",
    { a: "text" },
  ],
  [
    "a place that holds others is no field",
    "  - grok: { match: { message: '%{N:a} %{N:[a][b]}' } }",
    { "a.b": "text" },
  ],
  [
    "captures below a target, and no metadata",
    "  - grok: { match: { message: '%{N:a} %{N:[@metadata][m]}' }, target: t }",
    { "t.a": "text" },
  ],
  [
    "fields that are added, in every branch",
    "  - stage: s\n    filters:\n      - { if: '[a]', then: [{ tags: { add: x, add_field: { b: c } } }], else: [{ drop: { reason: r } }] }",
    { b: "text" },
  ],
  [
    "nothing where a line's own keys go",
    "  - grok: { match: { message: '%{N:a} %{N:b}' } }\n  - kv: { source: a, target: a }",
    { b: "text" },
  ],
])("the fields of a pipeline: %s", (_, filters, fields) => expect(fieldsOf(filters)).toEqual(fields));

it("the default pipelines have what analyses ask for", () => {
  const fields = new Map(fieldsOfRules(DEFAULT_RULES).map(({ path, type }) => [path.join("."), type]));
  for (const name of ["event", "result", "method", "user", "remote", "principal"]) {
    expect(fields.get(`ssh.${name}`)).toBe("text");
  }
  expect(fields.get("ssh.remote_ip")).toBe("address");
  expect(fields.get("ssh.port")).toBe("whole");
});
