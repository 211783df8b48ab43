import { describe, expect, it } from "vitest";
import { compileHostZones } from "../../../../worker/contract/host-zones.ts";

describe("the zone of a host", () => {
  const zoneOf = compileHostZones([
    { host: "node?.example.ca", timeZone: "America/St_Johns" },
    { host: "*.ca", timeZone: "America/Toronto" },
    { host: "10.1.*", timeZone: "Asia/Tokyo" },
    { host: "a+(b)|[c]", timeZone: "UTC" },
  ]);

  it.each([
    ["node1.example.ca", "America/St_Johns"],
    ["NODE1.Example.CA", "America/St_Johns"],
    ["node12.example.ca", "America/Toronto"],
    ["node1.example.ca.org", undefined],
    ["10.1.2.3", "Asia/Tokyo"],
    ["10x1x2", undefined],
    ["110.1.2.3", undefined],
    ["a+(b)|[c]", "UTC"],
    ["x", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("%s: %s", (host, zone) => {
    expect(zoneOf(host)).toBe(zone);
    // From its memory, too.
    expect(zoneOf(host)).toBe(zone);
  });

  it("is told of any number of hosts", () => {
    for (let i = 0; i < 50_000; i++) expect(zoneOf(`h${String(i)}.ca`)).toBe("America/Toronto");
  });
});
