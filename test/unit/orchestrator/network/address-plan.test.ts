import { describe, expect, it } from "vitest";
import { planNetwork, spacesOf } from "../../../../orchestrator/network/index.ts";

describe("the plan of a private network", () => {
  it("gives everybody a namespace and addresses", () => {
    expect(planNetwork({ prefix: "gh1", members: ["dn1", "dn2"], head: true })).toEqual({
      prefix: "gh1",
      ranges: { vlan: "10.77.0.0/24", outside: "10.78.0.0/24", batch: "10.79.0.0/24" },
      hub: "gh1-hub",
      gateway: { name: "gateway", namespace: "gh1-gw", addresses: { vlan: "10.77.0.1", outside: "10.78.0.1" } },
      outside: { name: "outside", namespace: "gh1-out", addresses: { outside: "10.78.0.10" } },
      head: { name: "head", namespace: "gh1-head", addresses: { batch: "10.79.0.2", outside: "10.78.0.2" } },
      members: [
        { name: "dn1", namespace: "gh1-dn1", addresses: { vlan: "10.77.0.11", batch: "10.79.0.11" } },
        { name: "dn2", namespace: "gh1-dn2", addresses: { vlan: "10.77.0.12", batch: "10.79.0.12" } },
      ],
    });
  });

  it("has no head unless one is asked for, and takes other ranges", () => {
    const members = Array.from({ length: 300 }, (_, n) => `n${n}`);
    const plan = planNetwork({ prefix: "x", members, vlan: "192.168.64.0/20", outside: "172.16.0.32/27" });
    expect(plan.head).toBeUndefined();
    expect(plan.outside.addresses).toEqual({ outside: "172.16.0.42" });
    expect(plan.members[299]?.addresses).toEqual({ vlan: "192.168.65.54" });
    const all = spacesOf(plan).flatMap(({ addresses }) => Object.values(addresses));
    expect(new Set(all).size).toBe(all.length);
  });

  it.each([
    ["a prefix with a hyphen, by which removal could reach another's", { prefix: "gh-1", members: [] }],
    ["a prefix that is too long", { prefix: "gh12345678", members: [] }],
    ["a member that is too long for a link's name", { prefix: "gh", members: ["averylongname"] }],
    ["a member with a shell's characters", { prefix: "gh", members: ["a;b"] }],
    ["the same member twice", { prefix: "gh", members: ["a", "a"] }],
    ["a member named like the gateway", { prefix: "gh", members: ["gateway"] }],
    ["ranges that overlap", { prefix: "gh", members: [], vlan: "10.0.0.0/16", outside: "10.0.9.0/24" }],
    ["a batch range that overlaps", { prefix: "gh", members: [], head: true, batch: "10.77.0.0/25" }],
    ["a range that is none", { prefix: "gh", members: [], vlan: "10.77.0.300/24" }],
    ["a range that does not begin where it says", { prefix: "gh", members: [], vlan: "10.77.0.1/24" }],
    [
      "more members than addresses",
      { prefix: "gh", members: Array.from({ length: 21 }, (_, n) => `n${n}`), vlan: "10.77.0.0/27" },
    ],
  ])("refuses %s", (_what, wish) => {
    expect(() => planNetwork(wish)).toThrow(expect.objectContaining({ code: "NETWORK_UNFIT" }));
  });
});
