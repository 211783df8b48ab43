import { describe, expect, it } from "vitest";
import { nodeAddress, parseRange, type AddressQuestion } from "../../../orchestrator/node-address.ts";

describe("a range of addresses", () => {
  it.each([
    ["10.20.0.0/16", "10.20.3.4", true],
    ["10.20.0.0/16", "10.21.0.1", false],
    ["10.20.0.0/16", "::ffff:10.20.3.4", false],
    ["10.20.3.4/32", "10.20.3.4", true],
    ["0.0.0.0/0", "192.0.2.1", true],
    ["0.0.0.0/0", "fd00::1", false],
    ["fd00:1::/64", "fd00:1::abcd", true],
    ["fd00:1::/64", "fd00:2::1", false],
    ["10.20.0.0/16", "dn1", false],
  ])("%s and %s: %s", (range, address, expected) => {
    expect(parseRange(range)?.contains(address)).toBe(expected);
  });

  it.each(["10.20.0.0", "10.20.0.0/33", "10.20.0/16", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/", "10.0.0.0/-1", ""])(
    "%j is none",
    (text) => {
      expect(parseRange(text)).toBeUndefined();
    },
  );
});

describe("the address of a node", () => {
  const range = parseRange("10.20.0.0/16");
  const question: AddressQuestion = {
    range,
    announced: ["127.0.0.1", "192.0.2.17", "10.20.0.17", "fe80::1"],
    host: "n17",
    resolved: ["192.0.2.17"],
    others: [],
  };
  const address = (value: string) => ({ kind: "address", address: value });
  const refused = (...parts: string[]) => ({
    kind: "refused",
    reason: expect.stringMatching(new RegExp(parts.join(".*"))) as string,
  });
  const unknown = { kind: "unknown" };

  it.each<[string, Partial<AddressQuestion>, object]>([
    ["is the leased host's without a range", { range: undefined }, address("192.0.2.17")],
    [
      "is not the announced one without a range",
      { range: undefined, announced: ["10.20.0.17"] },
      address("192.0.2.17"),
    ],
    [
      "is refused when the host's name leads nowhere",
      { range: undefined, resolved: [] },
      refused("n17", "network.range"),
    ],
    ["is unknown before the batch system named a host", { host: undefined }, unknown],
    ["is unknown before the batch system named a host, range or not", { host: undefined, range: undefined }, unknown],
    ["is the announced one in the range", {}, address("10.20.0.17")],
    ["is so whether or not the host's name resolves", { resolved: [] }, address("10.20.0.17")],
    ["may be announced twice", { announced: ["10.20.0.17", "10.20.0.17"] }, address("10.20.0.17")],
    [
      "is refused when none lies in the range",
      { announced: ["192.0.2.17"] },
      refused("none", "10.20.0.0/16", "192.0.2.17"),
    ],
    ["is refused when nothing was announced", { announced: [] }, refused("none")],
    [
      "is refused when several do",
      { announced: ["10.20.0.17", "10.20.0.18"] },
      refused("several", "10.20.0.17, 10.20.0.18"),
    ],
    [
      "agrees with the leased host's name where that lies in the range",
      { resolved: ["10.20.0.17"] },
      address("10.20.0.17"),
    ],
    [
      "is refused when the leased host's name says otherwise",
      { resolved: ["10.20.0.99"] },
      refused("n17", "10.20.0.99", "10.20.0.17"),
    ],
    [
      "is shared by jobs on one host",
      { others: [{ jobName: "gh-x-p1", host: "n17", address: "10.20.0.17" }] },
      address("10.20.0.17"),
    ],
    [
      "is refused when a job on another host holds it",
      { others: [{ jobName: "gh-x-p1", host: "n18", address: "10.20.0.17" }] },
      refused("10.20.0.17", "gh-x-p1", "n18"),
    ],
    [
      "is unknown while it is not known where its holder runs",
      { others: [{ jobName: "gh-x-p1", host: undefined, address: "10.20.0.17" }] },
      unknown,
    ],
    [
      "is not disturbed by others' addresses",
      { others: [{ jobName: "gh-x-p1", host: "n18", address: "10.20.0.18" }] },
      address("10.20.0.17"),
    ],
  ])("%s", (_what, change, expected) => {
    expect(nodeAddress({ ...question, ...change })).toEqual(expected);
  });
});
