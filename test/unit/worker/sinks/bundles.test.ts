import { describe, expect, it } from "vitest";
import {
  createBundles,
  merge,
  resultOf,
  type BulkBody,
  type Settle,
} from "../../../../worker/sinks/elasticsearch/bundles.ts";

const never = new AbortController().signal;
const bulk = (...documents: readonly string[]): BulkBody => ({
  body: Buffer.from(documents.join("")),
  count: documents.length,
  lengths: Uint32Array.from(documents.map((text) => text.length)),
  isRepeatable: true,
});

/** A store whose requests are answered one by one, by the test. */
function store(): {
  settle: Settle;
  requests: { body: string; signal: AbortSignal; answer: PromiseWithResolvers<void> }[];
} {
  const requests: { body: string; signal: AbortSignal; answer: PromiseWithResolvers<void> }[] = [];
  return {
    requests,
    async settle({ body }, signal) {
      const answer = Promise.withResolvers<void>();
      requests.push({ body: Buffer.from(body).toString(), signal, answer });
      await answer.promise;
      return { duplicates: [], exceptions: [], failures: [] };
    },
  };
}

describe("bundles", () => {
  it("sends at once while a request may be sent, and together what came meanwhile", async () => {
    const { settle, requests } = store();
    const send = createBundles(settle, { bulkBytes: 6, inFlight: 1 });
    const sent = [bulk("a"), bulk("bb", "bb"), bulk("c"), bulk("dd"), bulk("0123456789")].map((one) =>
      send(one, never),
    );
    for (let i = 0; i < 4; i++) {
      await expect.poll(() => requests.length).toBe(i + 1);
      requests[i]?.answer.resolve();
    }
    expect(requests.map(({ body }) => body)).toEqual(["a", "bbbbc", "dd", "0123456789"]);
    expect((await Promise.all(sent)).map(({ written }) => written)).toEqual([1, 2, 1, 1, 1]);
  });

  it("goes by its budgets as they are when a request could be sent, and tells when something waits", async () => {
    const { settle, requests } = store();
    const told: boolean[] = [];
    const options = { bulkBytes: 1, inFlight: 1, onFull: (isFull: boolean) => void told.push(isFull) };
    const send = createBundles(settle, options);
    const sent = ["a", "b", "c", "d"].map((text) => send(bulk(text), never));
    await expect.poll(() => requests.length).toBe(1);
    expect(told).toEqual([true]);
    Object.assign(options, { bulkBytes: 2, inFlight: 2 });
    requests[0]?.answer.resolve();
    await expect.poll(() => requests.map(({ body }) => body)).toEqual(["a", "bc", "d"]);
    expect(told).toEqual([true, false]);
    for (const { answer } of requests) answer.resolve();
    await Promise.all(sent);
  });

  it("gives each member its share of what is not written, numbered as its own", () => {
    const rejected = { kind: "rejected", status: 400, type: "t", reason: "r" } as const;
    const settled = {
      duplicates: [0, 3],
      exceptions: [
        [2, rejected],
        [4, rejected],
      ] as const,
      failures: [],
    };
    expect(resultOf(settled, 0, 2)).toEqual({ written: 1, duplicate: 1, exceptions: [] });
    expect(resultOf(settled, 2, 3)).toEqual({
      written: 0,
      duplicate: 1,
      exceptions: [
        [0, rejected],
        [2, rejected],
      ],
    });
  });

  it("keeps the documents' lengths in order", () => {
    expect([...merge([bulk("a", "bb"), bulk(), bulk("ccc")]).lengths]).toEqual([1, 2, 3]);
  });

  it("rejects an aborted member at once, and ends a request only when nobody wants it", async () => {
    const { settle, requests } = store();
    const send = createBundles(settle, { bulkBytes: 100, inFlight: 1 });
    const aborts = [new AbortController(), new AbortController(), new AbortController()];
    const first = send(bulk("x"), never);
    const sent = aborts.map(({ signal }, i) => send(bulk(String(i)), signal));
    const failed = sent.map((one) => expect(one).rejects.toThrow(/abort/));
    aborts[0]?.abort();
    await failed[0];
    requests[0]?.answer.resolve();
    await first;
    await expect.poll(() => requests[1]?.body).toBe("12");
    aborts[1]?.abort();
    await failed[1];
    expect(requests[1]?.signal.aborted).toBe(false);
    aborts[2]?.abort();
    await failed[2];
    expect(requests[1]?.signal.aborted).toBe(true);
    requests[1]?.answer.reject(new Error("aborted"));
  });

  it("sends members alone when they failed together, so that only the one at fault fails", async () => {
    const first = Promise.withResolvers<void>();
    const bodies: string[] = [];
    const settle: Settle = async ({ body }) => {
      const text = Buffer.from(body).toString();
      bodies.push(text);
      if (text === "x") await first.promise;
      if (text.includes("!")) throw new Error("refused");
      return { duplicates: [], exceptions: [], failures: [] };
    };
    const send = createBundles(settle, { bulkBytes: 100, inFlight: 1 });
    const sent = Promise.allSettled(["x", "a", "!", "b"].map((text) => send(bulk(text), never)));
    first.resolve();
    expect((await sent).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(bodies).toEqual(["x", "a!b", "a", "!", "b"]);
  });

  describe("of documents without ids", () => {
    const once = (...documents: readonly string[]): BulkBody => ({ ...bulk(...documents), isRepeatable: false });

    it.each([[once], [bulk]])("fail those members alone whose documents are lost", async (second) => {
      const first = Promise.withResolvers<void>();
      const bodies: string[] = [];
      const settle: Settle = async ({ body, isRepeatable }) => {
        const text = Buffer.from(body).toString();
        bodies.push(text);
        if (text === "x") await first.promise;
        else expect(isRepeatable).toBe(false);
        const at = text.indexOf("!");
        return { duplicates: [], exceptions: [], failures: at < 0 ? [] : [[at, new Error("lost")]] };
      };
      const send = createBundles(settle, { bulkBytes: 100, inFlight: 1 });
      const bulks = [once("x"), once("a", "b"), second("c", "!"), once("d")];
      const sent = Promise.allSettled(bulks.map((one) => send(one, never)));
      first.resolve();
      expect((await sent).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
      expect(bodies).toEqual(["x", "abc!d"]);
    });

    it("are never sent again, whatever the request ended with", async () => {
      const first = Promise.withResolvers<void>();
      const bodies: string[] = [];
      const settle: Settle = async ({ body }) => {
        bodies.push(Buffer.from(body).toString());
        if (bodies.length === 1)
          return await first.promise.then(() => ({ duplicates: [], exceptions: [], failures: [] }));
        throw new Error("broken");
      };
      const send = createBundles(settle, { bulkBytes: 100, inFlight: 1 });
      const sent = Promise.allSettled([once("x"), once("a"), once("b")].map((one) => send(one, never)));
      first.resolve();
      expect((await sent).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
      expect(bodies).toEqual(["x", "ab"]);
    });
  });
});
