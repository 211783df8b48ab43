import { describe, expect, it } from "vitest";
import { requestsOf } from "../../../orchestrator/ask-elasticsearch.ts";
import { DEFAULT_INDEX_PATTERN, indexNamesOf } from "../../../worker/contract/index-names.ts";

describe("index names in a request line", () => {
  const naming = { pattern: DEFAULT_INDEX_PATTERN, revision: 10 };
  const year = Array.from({ length: 12 }, (_, i) => `2013-${String(i + 1).padStart(2, "0")}`);

  it("all come, in order, in parts that Elasticsearch takes", () => {
    const names = year.flatMap((month) => indexNamesOf(naming, month));
    const parts = requestsOf(names);
    expect(parts.flat()).toEqual(names);
    for (const part of parts) expect(encodeURIComponent(part.join()).length).toBeLessThan(3_500);
  });

  it("are one request for one month, and none for no index", () => {
    expect(requestsOf(indexNamesOf(naming, "2013-01"))).toHaveLength(1);
    expect(requestsOf([])).toEqual([]);
  });

  it("too long for any part stand alone", () => {
    const long = "x".repeat(4_000);
    expect(requestsOf(["a", long, "b"])).toEqual([["a"], [long], ["b"]]);
  });
});
