import { describe, expect, it } from "vitest";
import { backoffMs, DEFAULT_POLICY } from "../../../../worker/sinks/elasticsearch/policy.ts";
import { errorsFlag, judgeItem, judgeResponse, tookMillis } from "../../../../worker/sinks/elasticsearch/retry.ts";

describe("judgeItem", () => {
  // Captured from Elasticsearch 8.19.21, shortened.
  it.each([
    [{ status: 201 }, { kind: "written" }],
    [
      { status: 409, error: { type: "version_conflict_engine_exception", reason: "[d1]: document already exists" } },
      { kind: "duplicate" },
    ],
    [
      {
        status: 400,
        error: {
          type: "document_parsing_exception",
          reason: "[1:7] failed to parse field [pid] of type [integer]",
          caused_by: { reason: 'For input string: "x"' },
        },
      },
      {
        kind: "rejected",
        status: 400,
        type: "document_parsing_exception",
        reason: '[1:7] failed to parse field [pid] of type [integer]: For input string: "x"',
      },
    ],
    [
      { status: 429, error: { type: "es_rejected_execution_exception", reason: "full" } },
      { kind: "retry", isUnwritten: true },
    ],
    [
      { status: 503, error: { type: "unavailable_shards_exception", reason: "primary" } },
      { kind: "retry", isUnwritten: false },
    ],
    [{ status: 500 }, { kind: "retry", isUnwritten: false }],
    [{ status: 403, error: { type: "cluster_block_exception", reason: "FORBIDDEN/8" } }, { kind: "held" }],
    [{ status: 403, error: { type: "security_exception", reason: "unauthorized" } }, { kind: "held" }],
    [{ status: 404, error: { type: "index_not_found_exception", reason: "no such index" } }, { kind: "held" }],
  ])("%j", (item, verdict) => {
    expect(judgeItem(item)).toMatchObject(verdict);
  });
});

describe("judgeResponse", () => {
  it.each([
    [200, "{}", { kind: "items" }],
    [
      401,
      '{"error":{"type":"security_exception","reason":"missing"}}',
      { kind: "held", reason: "401 security_exception: missing" },
    ],
    [404, '{"error":"no handler found"}', { kind: "held", reason: "404 error: no handler found" }],
    [413, "", { kind: "split", status: 413 }],
    [
      400,
      '{"error":{"type":"illegal_argument_exception","reason":"Malformed"}}',
      { kind: "split", reason: "Malformed" },
    ],
    [429, '{"error":{"type":"es_rejected_execution_exception"}}', { kind: "retry", isUnwritten: true }],
    [
      502,
      "<html>Bad gateway</html>",
      { kind: "retry", isUnwritten: false, reason: "502 error: <html>Bad gateway</html>" },
    ],
  ])("%i %s", (status, text, verdict) => {
    expect(judgeResponse(status, text)).toMatchObject(verdict);
  });
});

describe("errorsFlag", () => {
  it.each([
    ['{"errors":false,"took":30,"items":[', false],
    ['{"took":30,"errors":true,"items":[', true],
    ['{"errors":true', undefined],
    ['{"items":[{"create":{"error":{"reason":"\\"errors\\":false,"', undefined],
    ["", undefined],
  ])("%s", (head, flag) => {
    expect(errorsFlag(head)).toBe(flag);
  });
});

describe("tookMillis", () => {
  it.each([
    ['{"errors":false,"took":30,"items":[', 30],
    ['{"took":7,"errors":true,"items":[', 7],
    ['{"took":', undefined],
    ['{"items":[{"create":{"error":{"reason":"\\"took\\":9,"', undefined],
  ])("%s", (head, took) => {
    expect(tookMillis(head)).toBe(took);
  });
});

describe("backoffMs", () => {
  it("doubles up to its limit, with jitter over the upper half", () => {
    expect([1, 2, 3, 8, 100, 2000].map((failures) => backoffMs(DEFAULT_POLICY, failures, 1))).toEqual([
      100, 200, 400, 10_000, 10_000, 10_000,
    ]);
    expect(backoffMs(DEFAULT_POLICY, 3, 0)).toBe(200);
  });
});
