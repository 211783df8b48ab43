import { expect, it } from "vitest";
import { decorate } from "../../../../worker/filters/decorate.ts";
import { commonSchema } from "../../../../worker/filters/options.ts";
import { LogEvent } from "../../../../worker/pipeline/event.ts";
import { fieldsOf } from "./tools.ts";

it.each<[object, string, string]>([
  [{}, '{"a":1}', '{"a":1}'],
  [{ id: 7 }, "{}", "{}"],
  [{ add_field: { a: "x" } }, "{}", '{"a":"x"}'],
  [{ add_field: { a: "x" } }, '{"a":1}', '{"a":[1,"x"]}'],
  [{ add_field: { a: "x" } }, '{"a":[1]}', '{"a":[1,"x"]}'],
  [{ add_field: { a: "x" } }, '{"a":null}', '{"a":["x"]}'],
  [{ add_field: { a: "x" } }, '{"a":{"b":1}}', '{"a":[{"b":1},"x"]}'],
  [{ add_field: { a: ["x", "y"] } }, "{}", '{"a":["x","y"]}'],
  [{ add_field: { "f_%{n}": "%{n}!" } }, '{"n":"v"}', '{"n":"v","f_v":"v!"}'],
  [{ add_field: { "[a][b]": 5 } }, "{}", '{"a":{"b":"5"}}'],
  [{ add_field: { tags: "x" } }, '{"tags":["x"]}', '{"tags":["x"]}'],
  [{ add_field: JSON.parse('{"__proto__":"x"}') as object }, "{}", '{"__proto__":"x"}'],
  [{ add_field: { "[a][b]": "x", c: "y" } }, '{"a":1}', '{"a":1,"tags":["_add_field_failure"],"c":"y"}'],
  [{ add_field: { "%{n}": "x" } }, '{"n":"[bad"}', '{"n":"[bad","tags":["_add_field_failure"]}'],
  [{ remove_field: "a" }, '{"a":1,"b":2}', '{"b":2}'],
  [{ remove_field: ["[a][b]", "%{n}", "missing"] }, '{"a":{"b":1},"n":"n"}', '{"a":{}}'],
  [{ remove_field: "%{n}" }, '{"n":"[bad"}', '{"n":"[bad"}'],
  [{ add_tag: ["x", "%{n}", "x"] }, '{"n":"v"}', '{"n":"v","tags":["x","v"]}'],
  [{ remove_tag: ["x", "%{n}"] }, '{"n":"v","tags":["x","v","y"]}', '{"n":"v","tags":["y"]}'],
  [{ remove_tag: "x" }, "{}", "{}"],
  // Each sees what the one before did: fields first, then tags.
  [
    { add_tag: "%{new}", remove_field: "old", add_field: { new: "%{old}" }, remove_tag: "t" },
    '{"old":"o","tags":["t"]}',
    '{"tags":["o"],"new":"o"}',
  ],
])("%j: %s → %s", (options, before, after) => {
  const event = new LogEvent(fieldsOf(before));
  decorate(commonSchema.parse(options), event);
  expect(JSON.stringify(event.fields)).toBe(after);
});

it.each<[object, string]>([
  [{ add_field: { "a[": "x" } }, 'add_field.a[: "a[" is no field reference'],
  [{ add_field: "a" }, "add_field: must be a mapping"],
  [{ add_field: { a: "%{[}" } }, 'add_field.a.0: "[" is no field reference'],
  [{ remove_field: ["[]"] }, 'remove_field.0: "[]" is no field reference'],
  [{ add_tag: [["x"]] }, "add_tag.0: must be a text"],
])("%j is refused: %s", (options, problem) => {
  const issues = commonSchema.safeParse(options).error?.issues ?? [];
  expect(issues.map(({ path, message }) => `${path.join(".")}: ${message}`)).toEqual([
    expect.stringContaining(problem),
  ]);
});
