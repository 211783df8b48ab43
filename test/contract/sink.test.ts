import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { NO_PARSES } from "../../worker/contract/parse-counts.ts";
import type { EncodedBatch, Sink } from "../../worker/contract/pipeline.ts";
import type { Budgets } from "../../worker/contract/tuning.ts";
import { createDataNodes } from "../../worker/sinks/elasticsearch/nodes.ts";
import { DEFAULT_POLICY } from "../../worker/sinks/elasticsearch/policy.ts";
import { createElasticsearchSink } from "../../worker/sinks/elasticsearch/sink.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { startElasticsearch, type TestElasticsearch } from "../support/elasticsearch-node.ts";
import { startFaultProxy, type Fault, type FaultProxy } from "../support/fault-proxy.ts";

const USUAL: Budgets = { bulkBytes: 4 * 2 ** 20, requestsInFlight: 2 };

/** What the suite needs of a destination: a sink whose requests pass the proxy, and what stands in it afterwards. */
interface SinkUnderTest {
  readonly name: string;
  /**
   * @param silenceMs after which a request without an answer counts as lost
   * @param more addresses beside the proxy's
   */
  readonly sink: (
    proxy: FaultProxy,
    problems: (string | undefined)[],
    silenceMs: number,
    more?: readonly string[],
    budgets?: Budgets,
  ) => Sink;
}

const SINKS: readonly SinkUnderTest[] = [
  {
    name: "elasticsearch",
    sink: (proxy, problems, silenceMs, more = [], budgets = USUAL) => {
      const policy = { ...DEFAULT_POLICY, backoffMs: 5, deadNodeMs: 5, silenceMs, problemAfter: 3 };
      const nodes = createDataNodes(policy);
      nodes.update([proxy.url, ...more]);
      return createElasticsearchSink({ nodes, policy, budgets, onProblem: (problem) => problems.push(problem) });
    },
  },
];

interface Document {
  readonly id: string;
  readonly source: string;
  readonly index?: string;
}

function batchOf(index: string, documents: readonly Document[]): EncodedBatch {
  const texts = documents.map(
    ({ id, source, index: own }) => `{"create":{"_index":"${own ?? index}","_id":"${id}"}}\n${source}\n`,
  );
  return {
    body: Buffer.from(texts.join("")),
    count: texts.length,
    offsets: Float64Array.from(texts.keys()),
    lengths: Uint32Array.from(texts.map((text) => Buffer.byteLength(text))),
    tallies: {
      read: texts.length,
      bytes: 0,
      dropped: 0,
      unparsed: 0,
      droppedBy: {},
      unparsedBy: {},
      parses: NO_PARSES,
      perIndex: { [index]: texts.length },
    },
  };
}

/** The same documents with the tag of an attempt in place of ids. */
function taggedBatchOf(index: string, documents: readonly Document[]): EncodedBatch {
  const { tallies } = batchOf(index, documents);
  const texts = documents.map(({ source, index: own }) => {
    const tagged = `{"@attempt":"0a1b2c3d4e",${source.slice(1)}`;
    return `{"create":{"_index":"${own ?? index}"}}\n${tagged}\n`;
  });
  return {
    body: Buffer.from(texts.join("")),
    count: texts.length,
    offsets: Float64Array.from(texts.keys()),
    lengths: Uint32Array.from(texts.map((text) => Buffer.byteLength(text))),
    attempt: "0a1b2c3d4e",
    tallies,
  };
}

const good = (n: number, from = 0): Document[] =>
  Array.from({ length: n }, (_, i) => ({ id: `d${from + i}`, source: `{"pid":${i},"message":"žluťoučký ${i}"}` }));
const POISON = { id: "poison", source: `{"pid":"not a number","message":"x"}` };

describeWith(["elasticsearch"], "sinks", () => {
  const dir = privateStateDir("sink");
  let store: TestElasticsearch;
  let proxy: FaultProxy;
  let index = "";
  let serial = 0;
  beforeAll(async () => {
    store = await startElasticsearch(dir);
    afterwards.push(() => store.stop());
    proxy = await startFaultProxy(store.url);
    afterwards.push(() => proxy.close());
  }, 180_000);
  // Also what did start is ended when the rest did not.
  const afterwards: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const stop of afterwards.reverse()) await stop();
  });
  beforeEach(async () => {
    index = `logs-${serial++}`;
    proxy.faults.length = 0;
    proxy.requests.length = 0;
    await store.request("PUT", `/${index}`, {
      settings: { number_of_shards: 1, number_of_replicas: 0 },
      mappings: { dynamic: false, properties: { pid: { type: "integer" }, message: { type: "text" } } },
    });
  });

  for (const { name, sink: make } of SINKS) {
    const problems: (string | undefined)[] = [];
    let sink: Sink;
    beforeEach(() => {
      problems.length = 0;
      sink = make(proxy, problems, 60_000);
      return async () => sink[Symbol.asyncDispose]();
    });
    const never = new AbortController().signal;
    const fail = (...faults: readonly Fault[]): void => void proxy.faults.push(...faults);

    it(`${name}: writes every document, its bytes as they are`, async () => {
      expect(await sink.write(batchOf(index, good(500)), never)).toEqual({
        written: 500,
        duplicate: 0,
        exceptions: [],
      });
      expect(await store.count(index)).toBe(500);
      const stored = await store.request("GET", `/${index}/_doc/d7`);
      expect(stored["_source"]).toEqual({ pid: 7, message: "žluťoučký 7" });
    });

    it(`${name}: compressed bodies are as good`, async () => {
      await using narrow = make(proxy, problems, 60_000, [], { ...USUAL, compressed: true });
      const batch = batchOf(index, [...good(500), POISON]);
      expect(await narrow.write(batch, never)).toMatchObject({
        written: 500,
        duplicate: 0,
        exceptions: [[500, { status: 400 }]],
      });
      expect(proxy.requests[0]?.length).toBeLessThan(batch.body.length / 4);
      // Sent again as a whole, and then the one that is left alone.
      fail({ kind: "lose-answer" }, { kind: "pass" });
      expect(await narrow.write(batchOf(index, good(501)), never)).toMatchObject({ written: 0, duplicate: 501 });
      const stored = await store.request("GET", `/${index}/_doc/d7`);
      expect(stored["_source"]).toEqual({ pid: 7, message: "žluťoučký 7" });
    });

    it(`${name}: an empty batch sends nothing`, async () => {
      expect(await sink.write(batchOf(index, []), never)).toEqual({ written: 0, duplicate: 0, exceptions: [] });
      expect(proxy.requests.length).toBe(0);
    });

    it(`${name}: settles batches that are written at once, each by itself`, async () => {
      await sink.write(batchOf(index, good(10)), never);
      const batches = [good(20, 0), [...good(3, 100), POISON], good(5, 200), [], good(300, 300)];
      const results = await Promise.all(batches.map((documents) => sink.write(batchOf(index, documents), never)));
      expect(results.map(({ written, duplicate }) => [written, duplicate])).toEqual([
        [10, 10],
        [3, 0],
        [5, 0],
        [0, 0],
        [300, 0],
      ]);
      expect(results.map(({ exceptions }) => exceptions.map(([at]) => at))).toEqual([[], [3], [], [], []]);
      // Those that waited for the first two went together.
      expect(proxy.requests.length).toBe(4);
      expect(await store.count(index)).toBe(328);
    });

    it(`${name}: a second time everything is a duplicate, and nothing changes`, async () => {
      await sink.write(batchOf(index, good(50)), never);
      expect(await sink.write(batchOf(index, good(60)), never)).toEqual({ written: 10, duplicate: 50, exceptions: [] });
      expect(await store.count(index)).toBe(60);
    });

    it(`${name}: a poison document is rejected with its reason, and only that one`, async () => {
      const documents = [...good(5), POISON, ...good(5, 5)];
      const result = await sink.write(batchOf(index, documents), never);
      expect(result).toMatchObject({ written: 10, duplicate: 0 });
      expect(result.exceptions).toEqual([
        [5, expect.objectContaining({ kind: "rejected", status: 400, type: "document_parsing_exception" })],
      ]);
      expect(await store.count(index)).toBe(10);
      expect(proxy.requests.length).toBe(1);
    });

    it.each<Fault>([
      { kind: "refuse" },
      { kind: "answer", status: 503, body: "no server" },
      { kind: "answer", status: 429, body: `{"error":{"type":"es_rejected_execution_exception","reason":"full"}}` },
    ])(`${name}: a request that was not carried out is sent again ($kind $status)`, async (fault) => {
      fail(fault, fault);
      expect(await sink.write(batchOf(index, good(20)), never)).toEqual({ written: 20, duplicate: 0, exceptions: [] });
      expect(proxy.requests.length).toBe(3);
    });

    it.each<Fault>([{ kind: "lose-answer" }, { kind: "cut-answer" }])(
      `${name}: a request whose answer was lost is settled by sending it again ($kind)`,
      async (fault) => {
        fail(fault);
        const result = await sink.write(batchOf(index, good(200)), never);
        expect(result).toEqual({ written: 0, duplicate: 200, exceptions: [] });
        expect(await store.count(index)).toBe(200);
      },
    );

    it(`${name}: a request that is never answered is sent again`, async () => {
      fail({ kind: "silence" });
      await using impatient = make(proxy, problems, 1000);
      const { written, duplicate, exceptions } = await impatient.write(batchOf(index, good(20)), never);
      // A slow machine may need longer than that for the second request too; then a third one settles it.
      expect({ settled: written + duplicate, exceptions }).toEqual({ settled: 20, exceptions: [] });
      expect(await store.count(index)).toBe(20);
    });

    it(`${name}: only what failed is sent again, and the rejects of the first answer are kept`, async () => {
      await sink.write(batchOf(index, good(2)), never);
      proxy.requests.length = 0;
      const throttle = (positions: readonly number[]) => (body: string) => {
        const answer = JSON.parse(body) as { errors: boolean; items: { create: object }[] };
        answer.errors = true;
        for (const at of positions) {
          answer.items[at] = {
            create: { status: 429, error: { type: "es_rejected_execution_exception", reason: "full" } },
          };
        }
        return JSON.stringify(answer);
      };
      // Items 3 and 6 are said to be refused although they were written: sent again they are duplicates.
      fail({ kind: "rewrite", answer: throttle([3, 6]) }, { kind: "rewrite", answer: throttle([1]) });
      const documents = [...good(5), POISON, ...good(2, 5)];
      const result = await sink.write(batchOf(index, documents), never);
      expect(result).toMatchObject({ written: 3, duplicate: 4 });
      expect(result.exceptions.map(([at]) => at)).toEqual([5]);
      const sent = proxy.requests.map((body) => [...body.toString().matchAll(/"_id":"(\w+)"/g)].map(([, id]) => id));
      expect(sent.slice(1)).toEqual([["d3", "d5"], ["d5"]]);
      expect(await store.count(index)).toBe(7);
    });

    it(`${name}: a request that is too large goes in halves, and a document that is too large alone is rejected`, async () => {
      const tooLarge: Fault = { kind: "answer", status: 413, body: "" };
      fail(tooLarge, tooLarge, { kind: "pass" }, tooLarge);
      const result = await sink.write(batchOf(index, good(4)), never);
      expect(result).toMatchObject({ written: 3, duplicate: 0 });
      expect(result.exceptions).toEqual([[1, expect.objectContaining({ kind: "rejected", status: 413 })]]);
    });

    it(`${name}: a request that one broken action line spoils costs that document only`, async () => {
      const documents = [...good(6), { id: 'x","nonsense":{"a":1},"_id":"y', source: "{}" }, ...good(6, 6)];
      const result = await sink.write(batchOf(index, documents), never);
      expect(result.written).toBe(12);
      expect(result.exceptions.map(([at]) => at)).toEqual([6]);
    });

    it.each([401, 403])(
      `${name}: a refusal of the whole (%i) is an error that holds the chunk, not a reject`,
      async (status) => {
        fail({ kind: "answer", status, body: `{"error":{"type":"security_exception","reason":"no"}}` });
        await expect(sink.write(batchOf(index, good(3)), never)).rejects.toMatchObject({
          code: "STORE_REFUSED",
          retryable: true,
        });
      },
    );

    it(`${name}: a missing index holds the chunk too`, async () => {
      await expect(sink.write(batchOf("logs-none", good(3)), never)).rejects.toMatchObject({ code: "STORE_REFUSED" });
    });

    it(`${name}: an answer that does not fit the request is an error`, async () => {
      fail({ kind: "rewrite", answer: () => `{"errors":true,"items":[{"create":{"status":201}}]}` });
      await expect(sink.write(batchOf(index, good(3)), never)).rejects.toMatchObject({ code: "STORE_PROTOCOL" });
    });

    it(`${name}: goes on for as long as the signal allows, says what is wrong, and ends promptly`, async () => {
      fail(...Array.from({ length: 10_000 }, (): Fault => ({ kind: "refuse" })));
      const abort = new AbortController();
      const writing = sink.write(batchOf(index, good(3)), abort.signal);
      await expect.poll(() => problems.at(-1)).toMatch(/again/);
      abort.abort();
      await expect(writing).rejects.toMatchObject({ code: "WRITE_ABORTED", retryable: true });
    });

    it(`${name}: check passes on a store that answers`, async () => {
      await sink.check(never);
    });

    /** Changes what is said of some items. */
    const say = (positions: readonly number[], status: number) => (body: string) => {
      const answer = JSON.parse(body) as { errors: boolean; items: { create: object }[] };
      answer.errors = true;
      for (const at of positions) answer.items[at] = { create: { status, error: { type: "t", reason: "r" } } };
      return JSON.stringify(answer);
    };

    it(`${name}, without ids: writes every document, and a poisonous one is rejected`, async () => {
      const documents = [...good(300), POISON];
      const { written, exceptions } = await sink.write(taggedBatchOf(index, documents), never);
      expect(written).toBe(300);
      expect(exceptions.map(([at]) => at)).toEqual([300]);
      expect(await store.count(index)).toBe(300);
    });

    it.each<Fault>([
      { kind: "refuse" },
      { kind: "lose-answer" },
      { kind: "cut-answer" },
      { kind: "silence" },
      { kind: "answer", status: 503, body: "no server" },
      { kind: "rewrite", answer: () => `{"errors":true,"items":[{"create":{"status":201}}]}` },
      { kind: "rewrite", answer: say([17], 503) },
      { kind: "rewrite", answer: say([17], 409) },
    ])(`${name}, without ids: what may have been written is not sent again ($kind $status)`, async (fault) => {
      fail(fault);
      await using impatient = make(proxy, problems, 2000);
      await expect(impatient.write(taggedBatchOf(index, good(200)), never)).rejects.toMatchObject({
        code: "WRITE_UNCERTAIN",
        retryable: true,
      });
      expect(proxy.requests.length).toBe(1);
      expect([0, 200]).toContain(await store.count(index));
    });

    it(`${name}, without ids: what was not written is sent again`, async () => {
      fail({ kind: "answer", status: 429, body: `{"error":{"type":"es_rejected_execution_exception"}}` });
      // Nobody listens on the first of the two nodes.
      await using half = make(proxy, problems, 60_000, ["http://127.0.0.1:1"]);
      expect(await half.write(taggedBatchOf(index, good(20)), never)).toMatchObject({ written: 20, exceptions: [] });
      expect(proxy.requests.length).toBe(2);
      expect(await store.count(index)).toBe(20);
    });

    it(`${name}, without ids: of an answer in parts the refused ones are sent again, and those alone`, async () => {
      fail({ kind: "rewrite", answer: say([3, 6], 429) });
      expect(await sink.write(taggedBatchOf(index, good(10)), never)).toMatchObject({ written: 10, duplicate: 0 });
      const numbers = proxy.requests.map((body) => [...body.toString().matchAll(/"pid":(\d+)/g)].map(([, n]) => n));
      expect(numbers.slice(1)).toEqual([["3", "6"]]);
    });

    it(`${name}, without ids: of batches that go together those fail of which something is not known`, async () => {
      // The first two requests keep the others waiting; of those the second has a lost item, the third no index.
      const silent: Fault = { kind: "answer", status: 429, body: "" };
      fail(silent, silent, { kind: "pass" }, { kind: "pass" }, { kind: "rewrite", answer: say([6], 503) });
      const batches = [good(5), good(5), good(5), good(5, 5), good(5).map((one) => ({ ...one, index: "logs-none" }))];
      const results = await Promise.allSettled(
        [...batches, good(5, 10)].map((documents) => sink.write(taggedBatchOf(index, documents), never)),
      );
      const outcomes = results.map((result) =>
        result.status === "fulfilled" ? result.value.written : (result.reason as { code: string }).code,
      );
      expect(outcomes).toEqual([5, 5, 5, "WRITE_UNCERTAIN", "STORE_REFUSED", 5]);
    });

    it(`${name}, without ids: a request that is too large goes in halves; one that is spoiled holds its chunk`, async () => {
      const tooLarge: Fault = { kind: "answer", status: 413, body: "" };
      fail(tooLarge, tooLarge, { kind: "pass" }, tooLarge);
      const result = await sink.write(taggedBatchOf(index, good(4)), never);
      expect(result).toMatchObject({ written: 3, exceptions: [[1, { kind: "rejected", status: 413 }]] });
      proxy.requests.length = 0;
      fail({
        kind: "answer",
        status: 400,
        body: `{"error":{"type":"illegal_argument_exception","reason":"Malformed"}}`,
      });
      await expect(sink.write(taggedBatchOf(index, good(4)), never)).rejects.toMatchObject({ code: "STORE_REFUSED" });
      expect(proxy.requests.length).toBe(1);
    });
  }
});
