import { describe, expect, it } from "vitest";

import type { NodeStatus } from "../../../pbs/node-status.ts";
import { pickHost } from "../../../pbs/pick-host.ts";

const node = (name: string, over: Partial<NodeStatus> = {}): NodeStatus => ({
  name,
  state: "free",
  rawState: "free",
  slots: 8,
  freeSlots: 8,
  properties: [],
  ...over,
});
const none = new Map<string, number>();

describe("the host for a job", () => {
  it("is none that is excluded, under its short or its full name", () => {
    const nodes = [node("a.site.org"), node("b"), node("c")];
    expect(pickHost(nodes, { cpus: 1, excludeHosts: ["a", "b.site.org"] }, none)).toBe("c");
    expect(pickHost(nodes, { cpus: 1, excludeHosts: ["a", "b", "c"] }, none)).toBeUndefined();
  });

  it("is up, big enough, and has every property", () => {
    const nodes = [
      node("down", { state: "down" }),
      node("off", { state: "offline" }),
      node("odd", { state: "unknown" }),
      node("small", { slots: 1, freeSlots: 1 }),
      node("plain"),
      node("good", { freeSlots: 4, properties: ["big", "cluster=zia", "fast=True"] }),
    ];
    expect(pickHost(nodes, { cpus: 2, properties: ["big", "cluster=zia", "fast"] }, none)).toBe("good");
    expect(pickHost(nodes, { cpus: 2, properties: ["huge"] }, none)).toBeUndefined();
  });

  it("has room rather than none, more rather than less, and was named less often", () => {
    const full = node("full", { state: "busy", freeSlots: 0 });
    expect(pickHost([full, node("some", { freeSlots: 2 }), node("more", { freeSlots: 4 })], { cpus: 2 }, none)).toBe(
      "more",
    );
    expect(pickHost([full, node("tight", { freeSlots: 1 })], { cpus: 1 }, none)).toBe("tight");
    expect(pickHost([full], { cpus: 2 }, none)).toBe("full");
    expect(pickHost([node("a"), node("b")], { cpus: 1 }, new Map([["a", 1]]))).toBe("b");
  });

  it("counts a host whose free slots nobody tells as it is: free or busy", () => {
    const { freeSlots: _, ...untold } = node("untold");
    expect(pickHost([node("half", { freeSlots: 4 }), untold], { cpus: 1 }, none)).toBe("untold");
  });
});
