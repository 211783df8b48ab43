import { describe, expect, it } from "vitest";
import { truncate } from "../../../../worker/filters/truncate.ts";
import { apply, refusals } from "./tools.ts";

describe("truncate", () => {
  it.each<[object, string, string, string]>([
    [{ fields: ["a"], length_bytes: 10 }, '{"a":"hello world, how are you?"}', '{"a":"hello worl"}', "matched"],
    [{ fields: "a", length_bytes: 5 }, '{"a":"hello"}', '{"a":"hello"}', "unmatched"],
    [
      { fields: ["a", "b"], length_bytes: 1 },
      '{"a":"x","b":"yz","c":"long"}',
      '{"a":"x","b":"y","c":"long"}',
      "matched",
    ],
    [{ fields: ["[a][b]"], length_bytes: 1 }, '{"a":{"b":"xy","c":"xy"}}', '{"a":{"b":"x","c":"xy"}}', "matched"],
    [{ fields: ["a"], length_bytes: 0 }, '{"a":"x"}', '{"a":""}', "matched"],
    [{ fields: ["a"], length_bytes: 1 }, '{"a":""}', '{"a":""}', "unmatched"],
    [{ fields: ["a"], length_bytes: 1 }, "{}", "{}", "unmatched"],
    [{ fields: ["a"], length_bytes: 1 }, '{"a":null}', '{"a":null}', "unmatched"],
    [{ fields: ["a"], length_bytes: 1 }, '{"a":12345}', '{"a":12345}', "unmatched"],
    // Characters are not cut.
    [{ fields: ["a"], length_bytes: 3 }, '{"a":"žžž"}', '{"a":"ž"}', "matched"],
    [{ fields: ["a"], length_bytes: 1 }, '{"a":"ž"}', '{"a":""}', "matched"],
    [{ fields: ["a"], length_bytes: 7 }, '{"a":"x😀😀"}', '{"a":"x😀"}', "matched"],
    [{ fields: ["a"], length_bytes: 9 }, '{"a":"x😀😀"}', '{"a":"x😀😀"}', "unmatched"],
    // In lists and objects.
    [
      { fields: ["a"], length_bytes: 1 },
      '{"a":["xy",12,null,["xy"],{"k":"xy"}]}',
      '{"a":["x",12,null,["xy"],{"k":"xy"}]}',
      "matched",
    ],
    [{ fields: ["a"], length_bytes: 1 }, '{"a":{"k":{"l":["xy"]},"n":1}}', '{"a":{"k":{"l":["x"]},"n":1}}', "matched"],
    [{ fields: ["a"], length_bytes: 1 }, '{"a":{"k":["x"]}}', '{"a":{"k":["x"]}}', "unmatched"],
    [{ fields: ["a"], length_bytes: 1 }, '{"a":{"__proto__":"xy"}}', '{"a":{"__proto__":"x"}}', "matched"],
    // All fields but the time.
    [
      { length_bytes: 2 },
      '{"@timestamp":"2013-01-04T10:00:00.000Z","a":"abc","b":{"c":"abc"},"tags":["abc","abd"],"n":123}',
      '{"@timestamp":"2013-01-04T10:00:00.000Z","a":"ab","b":{"c":"ab"},"tags":["ab"],"n":123}',
      "matched",
    ],
  ])("%j: %s → %s", (options, before, after, result) => {
    expect(apply(truncate, options, before)).toMatchObject({ event: after, result });
  });

  it("takes a text of ten million characters", () => {
    const { event } = apply(truncate, { length_bytes: 32_766 }, { a: "ž".repeat(10_000_000) });
    expect(Buffer.byteLength(event)).toBe(32_766 + '{"a":""}'.length);
  });

  it.each<[object, string]>([
    [{}, "length_bytes: "],
    [{ length_bytes: -1 }, "length_bytes: must not be negative"],
    [{ length_bytes: 1.5 }, "length_bytes: must be a whole number"],
    [{ length_bytes: "10" }, "length_bytes: must be a whole number"],
    [{ length_bytes: 1, fields: ["a["] }, 'fields.0: "a[" is no field reference'],
  ])("%j is refused: %s", (options, problem) => {
    expect(refusals(truncate, options)).toEqual([expect.stringContaining(problem)]);
  });
});
