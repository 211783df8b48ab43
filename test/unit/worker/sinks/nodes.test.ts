import { describe, expect, it } from "vitest";
import { createDataNodes } from "../../../../worker/sinks/elasticsearch/nodes.ts";

const backoff = { deadNodeMs: 100, longestBackoffMs: 1000 };

describe("data nodes", () => {
  it("are taken in turn", () => {
    const nodes = createDataNodes(backoff);
    nodes.update(["b", "a", "c", "a"]);
    expect(Array.from({ length: 5 }, () => nodes.pick(0))).toEqual(["a", "b", "c", "a", "b"].map((url) => ({ url })));
  });

  it("are left out after they failed, longer each time, until they answer", () => {
    const nodes = createDataNodes(backoff);
    nodes.update(["a", "b"]);
    nodes.failed("a", 0);
    expect([nodes.pick(0), nodes.pick(50), nodes.pick(99)]).toEqual([{ url: "b" }, { url: "b" }, { url: "b" }]);
    expect([nodes.pick(100), nodes.pick(100)]).toContainEqual({ url: "a" });
    nodes.failed("a", 100);
    nodes.failed("b", 100);
    expect(nodes.pick(100)).toEqual({ waitMs: 100 });
    nodes.answered("a");
    expect(nodes.pick(100)).toEqual({ url: "a" });
  });

  it("keep their record when the list is read again, and may all be gone", () => {
    const nodes = createDataNodes(backoff);
    nodes.update(["a"]);
    nodes.failed("a", 0);
    nodes.update(["a"]);
    expect(nodes.pick(40)).toEqual({ waitMs: 60 });
    nodes.update([]);
    expect(nodes.pick(0)).toBeUndefined();
  });
});
