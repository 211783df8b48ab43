import { describe, expect, it } from "vitest";
import { compareDocuments } from "../../../../orchestrator/proof/compare-documents.ts";
import { isWhole, summaryOf } from "../../../../orchestrator/proof/deep-result.ts";
import type { ExpectedDocument, FoundDocument, Source } from "../../../../orchestrator/proof/documents.ts";

const expected = (offset: number, more: Source = {}, id = `id-${String(offset)}`): ExpectedDocument => ({
  index: "logs-a",
  id,
  offset,
  source: { message: "m", ssh: { event: "login", port: 22 }, tags: ["x"], offset, ...more },
});
const found = (offset: number, more: Partial<FoundDocument> = {}): FoundDocument => ({ ...expected(offset), ...more });

describe("documents of a chunk", () => {
  it("are whole in any order, of documents and of fields", () => {
    const { source } = expected(10);
    const turned = Object.fromEntries(Object.entries(source).reverse());
    const result = compareDocuments([expected(10), expected(20)], [found(20), found(10, { source: turned })], true);
    expect(isWhole(result)).toBe(true);
  });

  it("are missing, extra or altered, nested fields by their names", () => {
    const result = compareDocuments(
      [expected(10), expected(20), expected(30)],
      [
        found(20, {
          source: { ...expected(20).source, ssh: { event: "logout", port: 22, user: "u" }, tags: ["x", "y"] },
        }),
        found(30),
        found(40),
      ],
      true,
    );
    expect(result.missing.map(({ offset }) => offset)).toEqual([10]);
    expect(result.extra.map(({ offset }) => offset)).toEqual([40]);
    expect(result.altered.map(({ fields }) => fields)).toEqual([["ssh.event", "ssh.user", "tags"]]);
    expect(summaryOf(result)).toEqual({
      missing: 1,
      extra: 1,
      altered: 1,
      fields: { "ssh.event": 1, "ssh.user": 1, tags: 1 },
      offset: 10,
    });
  });

  it("differ by their index, and by their id where ids are derived", () => {
    const other = compareDocuments([expected(10)], [found(10, { index: "logs-b" })], true);
    expect(other.altered.map(({ fields }) => fields)).toEqual([["_index"]]);
    const renamed = [found(10, { id: "another" })];
    expect(compareDocuments([expected(10)], renamed, true)).toMatchObject({ missing: [{}], extra: [{}], altered: [] });
    expect(isWhole(compareDocuments([expected(10)], renamed, false))).toBe(true);
  });

  it("of one line are copies: one too many or too few of them is seen, with either kind of ids", () => {
    const copies = ["a", "b", "c"].map((id) => expected(10, {}, id));
    const there = (...ids: string[]) => ids.map((id) => found(10, { id }));
    expect(isWhole(compareDocuments(copies, there("c", "a", "b"), true))).toBe(true);
    expect(isWhole(compareDocuments(copies, there("x", "y", "z"), false))).toBe(true);
    for (const ownIds of [true, false]) {
      expect(compareDocuments(copies, there("a", "b"), ownIds)).toMatchObject({
        missing: [{}],
        extra: [],
        altered: [],
      });
      expect(compareDocuments(copies, there("a", "b", "c", "d"), ownIds)).toMatchObject({ missing: [], extra: [{}] });
    }
    const altered = [...there("a", "c"), found(10, { id: "b", source: { ...expected(10).source, message: "n" } })];
    for (const ownIds of [true, false]) {
      const result = compareDocuments(copies, altered, ownIds);
      expect(result.altered.map(({ found: { id }, fields }) => [id, ...fields])).toEqual([["b", "message"]]);
    }
  });
});
