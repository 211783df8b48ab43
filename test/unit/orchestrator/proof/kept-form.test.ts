import { describe, expect, it } from "vitest";
import { compareDocuments } from "../../../../orchestrator/proof/compare-documents.ts";
import { isWhole } from "../../../../orchestrator/proof/deep-result.ts";
import { formOf } from "../../../../orchestrator/proof/kept-form.ts";

const FIELDS = {
  "@timestamp": { type: "date" },
  host: { type: "keyword" },
  pid: { type: "integer" },
  message: { type: "text" },
  tags: { type: "keyword" },
  raw: { type: "binary" },
  ssh: {
    properties: { ip: { type: "ip" }, port: { type: "long" }, share: { type: "double" }, ok: { type: "boolean" } },
  },
};
const form = (source: Record<string, unknown>): unknown => formOf(source, FIELDS);

describe("what a synthetic source keeps of a document", () => {
  // Both sides as Elasticsearch 8.19 took and gave them.
  it.each([
    [{ "@timestamp": "2013-01-01T00:00:00.123456Z" }, { "@timestamp": "2013-01-01T00:00:00.123Z" }],
    [{ "@timestamp": "2013-01-01T01:00:00.1+01:00" }, { "@timestamp": "2013-01-01T00:00:00.100Z" }],
    [{ pid: "8" }, { pid: 8 }],
    [
      { ssh: { ip: "2001:DB8::1", port: "12", share: "1e3", ok: "true" } },
      { ssh: { ip: "2001:db8::1", port: 12, share: 1000, ok: true } },
    ],
    [{ ssh: { port: 1.7 } }, { ssh: { port: 1 } }],
    [{ ssh: { ip: "::ffff:1.2.3.4" } }, { ssh: { ip: "1.2.3.4" } }],
    [{ ssh: { ip: "nope", port: "x", ok: "maybe" } }, { ssh: { ip: "nope", port: "x", ok: "maybe" } }],
    [{ ssh: { ip: ["nope", "1.1.1.1"], port: ["x", 3] } }, { ssh: { ip: ["1.1.1.1", "nope"], port: [3, "x"] } }],
    [
      { host: 5, message: 1.5, tags: [] },
      { host: "5", message: "1.5", tags: [] },
    ],
    [{ host: null, more: { b: 1, a: [3, 1] } }, { more: { a: [3, 1], b: 1 } }],
    [{ ssh: [{ port: "1" }, { port: 2 }] }, { ssh: [{ port: 1 }, { port: 2 }] }],
  ])("%j is %j", (sent, kept) => {
    expect(form(sent)).toEqual(form(kept));
  });

  it.each([
    [{ "@timestamp": "2013-01-01T00:00:00.123Z" }, { "@timestamp": "2013-01-01T00:00:00.124Z" }],
    [{ pid: 8 }, { pid: 9 }],
    [{ pid: 8 }, {}],
    [{ message: "a  b" }, { message: "a b" }],
    [{ tags: ["a", "a"] }, { tags: ["a"] }],
    [{ tags: ["a"] }, { tags: "a" }],
    [{ raw: "aGVsbG8=" }, { raw: "aGVsbG8" }],
    [{ ssh: { ip: "1.1.1.1" } }, { ssh: { ip: "1.1.1.2" } }],
    [{ more: [3, 1] }, { more: [1, 3] }],
  ])("%j is not %j", (sent, kept) => {
    expect(form(sent)).not.toEqual(form(kept));
  });

  it("is what documents are compared by, index by index", () => {
    const document = (pid: unknown) => ({ index: "a", id: "1", offset: 0, source: { pid } });
    const kept = (index: string, source: Readonly<Record<string, unknown>>) =>
      index === "a" ? formOf(source, FIELDS) : source;
    expect(isWhole(compareDocuments([document("8")], [document(8)], true, kept))).toBe(true);
    expect(isWhole(compareDocuments([document("8")], [document(8)], true))).toBe(false);
    const elsewhere = (pid: unknown) => ({ ...document(pid), index: "b" });
    expect(isWhole(compareDocuments([elsewhere("8")], [elsewhere(8)], true, kept))).toBe(false);
  });
});
