import { describe, expect, it } from "vitest";
import { scratchNaming } from "../../../../orchestrator/ceiling/scratch.ts";
import { fillBody, ReplayBody } from "../../../../orchestrator/ceiling/replay-body.ts";
import { DEFAULT_INDEX_PATTERN } from "../../../../worker/contract/index-names.ts";
import { createPipeline } from "../../../../worker/pipeline.ts";
import { originOf, syslogLines } from "../../../support/parser-campaign.ts";
import { DEFAULT_RULES } from "../../../support/rules.ts";

const pipeline = createPipeline(DEFAULT_RULES);

function batch(label: string, lines: number) {
  return pipeline.run(Buffer.from(syslogLines(lines, label)), 0, originOf(`${label}/syslog`, "x-{day}"));
}

/** Ids and documents of a body. */
function read(body: Buffer): { ids: string[]; documents: string[] } {
  const lines = body.toString().trimEnd().split("\n");
  const action = (line: string): string => (JSON.parse(line) as { create: { _id: string } }).create._id;
  return { ids: lines.filter((_, i) => i % 2 === 0).map(action), documents: lines.filter((_, i) => i % 2 === 1) };
}

describe("a body that is sent again and again", () => {
  it("has other ids each time, unique ones, and the same documents", () => {
    const body = new ReplayBody([batch("a", 300), batch('the text "_id":"of a line', 50)]);
    expect(body.documents).toBe(350);
    const before = read(body.bytes);
    const seen = new Set<string>();
    for (const number of [1, 2, 31, 32, 1_000_000]) {
      body.stamp(number);
      const { ids, documents } = read(body.bytes);
      expect(documents).toEqual(before.documents);
      expect(ids.every((id, i) => id.slice(12) === before.ids[i]?.slice(12))).toBe(true);
      for (const id of ids.slice(0, 300)) seen.add(id);
    }
    expect(seen.size).toBe(5 * 300);
  });

  it("is left as it is where the store makes the ids", () => {
    const text = '{"create":{"_index":"x"}}\n{"message":"\\"_id\\":\\"abc"}\n';
    const bare = { body: Buffer.from(text), count: 1, lengths: Uint32Array.of(text.length) };
    const body = new ReplayBody([bare]);
    body.stamp(7);
    expect(body.bytes.toString()).toBe(text);
  });

  it("is filled up to its size, with batches in turn, and holds one at least", () => {
    const of = (length: number) => ({ body: new Uint8Array(length), count: 1, lengths: Uint32Array.of(length) });
    const batches = [of(10), of(20), of(30)];
    const lengths = (bytes: number, from: number): number[] =>
      fillBody(batches, bytes, from).map(({ body }) => body.length);
    expect(lengths(65, 0)).toEqual([10, 20, 30]);
    expect(lengths(65, 2)).toEqual([30, 10, 20]);
    expect(lengths(130, 0)).toEqual([10, 20, 30, 10, 20, 30, 10]);
    expect(lengths(5, 1)).toEqual([20]);
    expect(lengths(5, 7)).toEqual([20]);
    expect(fillBody([], 5, 0)).toEqual([]);
  });
});

describe("names of scratch indices", () => {
  it("are the campaign's own behind a prefix", () => {
    expect(scratchNaming("jan", { pattern: DEFAULT_INDEX_PATTERN, revision: 2 })).toEqual({
      pattern: "gh-ceiling-jan-logs-{day}-m{month}-r{revision}",
      revision: 2,
    });
  });

  it("are refused where they would pass for the campaign's own", () => {
    expect(() => scratchNaming("jan", { pattern: "{day}-{month}-{revision}", revision: 1 })).toThrow(
      /begin the pattern/,
    );
  });
});
