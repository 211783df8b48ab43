import { describe, expect, it } from "vitest";

import { hostsOf, secondsOf, timeOf } from "../../../pbs/job-status.ts";

it.each([
  ["node1/0", ["node1"]],
  ["node1/6-7", ["node1"]],
  ["a/0+a/1+b/0,2", ["a", "b"]],
  ["127.0.1.1/0", ["127.0.1.1"]],
  ["node2/3*2", ["node2"]],
  ["dn2/8+dn3/8", ["dn2", "dn3"]],
  [undefined, []],
])("hosts of %s", (text, hosts) => {
  expect(hostsOf(text)).toEqual(hosts);
});

it.each([
  ["00:05:00", 300],
  ["05:30", 330],
  ["90", 90],
  ["100:00:00", 360_000],
  ["1-00:00:00", 86_400],
  ["1:00:00:00", 86_400],
  ["UNLIMITED", undefined],
  ["1-12", undefined],
  ["", undefined],
  [undefined, undefined],
])("%s in seconds", (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});

describe("a time", () => {
  it("of XML is seconds since the epoch, of text local time", () => {
    expect(timeOf("1795455045")).toBe(1795455045_000);
    expect(timeOf("Mon Nov 23 17:30:45 2026")).toBe(new Date(2026, 10, 23, 17, 30, 45).getTime());
    expect(timeOf("soon")).toBeUndefined();
  });
});
