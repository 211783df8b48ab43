import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { BackfillError, describeError, StoreError } from "../../contract/errors.ts";
import type { Outcome, Sink } from "../../contract/pipeline.ts";
import type { Budgets } from "../../contract/tuning.ts";
import { createBundles, type BulkBody, type Settled } from "./bundles.ts";
import { createHttpClient, UnsentError } from "./http.ts";
import { InFlight } from "./in-flight.ts";
import type { DataNodes } from "./nodes.ts";
import { backoffMs, DEFAULT_POLICY, type SinkPolicy } from "./policy.ts";
import { BULK_PATH, errorsFlag, judgeItem, judgeResponse, tookMillis, type BulkItem } from "./retry.ts";

/** One bulk request, for metrics. */
export interface BulkObservation {
  readonly documents: number;
  readonly bytes: number;
  readonly millis: number;
  /** What of it Elasticsearch says it took; absent when it did not say. */
  readonly tookMillis?: number;
  /** Documents that must be sent again. */
  readonly retried: number;
  /** The whole request failed: a 5xx, a timeout, a lost connection. */
  readonly failed: boolean;
  /** Elasticsearch said 429, to the request or to one of its documents. */
  readonly throttled: boolean;
}

export interface ElasticsearchSinkOptions {
  /** The data nodes; kept up to date by its owner. */
  readonly nodes: DataNodes;
  /** PEM of the authority of their certificates. */
  readonly authority?: string;
  readonly auth?: { readonly username: string; readonly password: string };
  readonly policy?: Partial<SinkPolicy>;
  /** What may be on its way, read anew for each request: small batches are sent together up to that size. Default 4 MiB, 2 requests, not compressed. */
  readonly budgets?: Budgets;
  /** Told when all requests that there may be are under way and there is more to send, and when that is over. */
  readonly onFull?: (isFull: boolean) => void;
  readonly observe?: (bulk: BulkObservation) => void;
  /** Called with what keeps the writes from succeeding, and with nothing once they do again. */
  readonly onProblem?: (problem: string | undefined) => void;
}

const USUAL_BUDGETS: Budgets = { bulkBytes: 4 * 2 ** 20, requestsInFlight: 2 };

const compress = promisify(gzip);
/** A sixth of the bytes is left, 1.2 times what the default level leaves for twice the CPU. */
const FASTEST = { level: 1 };

/** How long to look again for a data node when none is known. */
const NO_NODE_MS = 500;

/**
 * Writes batches through `_bulk`, their bytes as they are, small ones of several callers together.
 *
 * A batch is settled item by item: what was written or is there already is counted, what was rejected is kept,
 * and only what failed for a passing reason is sent again, for as long as the signal allows. A bulk whose answer was lost
 * is sent again as a whole: the action is `create`, so what had arrived comes back as duplicate.
 *
 * Documents without an id of their own are sent again only where it is known that they were not written: the connection could not be made, or
 * Elasticsearch said 429. Behind a lost answer, a 5xx, or an answer that does not fit, the batches with those documents are given up,
 * `WRITE_UNCERTAIN`; others of the same request go on.
 */
export function createElasticsearchSink(options: ElasticsearchSinkOptions): Sink {
  const policy: SinkPolicy = { ...DEFAULT_POLICY, ...options.policy };
  const client = createHttpClient({
    silenceMs: policy.silenceMs,
    connectMs: policy.connectMs,
    ...(options.authority === undefined ? {} : { authority: options.authority }),
    ...(options.auth === undefined ? {} : { auth: options.auth }),
  });
  const { budgets = USUAL_BUDGETS } = options;
  const inFlight = new InFlight(() => budgets.requestsInFlight);
  let problem: string | undefined;
  const say = (text: string | undefined): void => {
    if (text === problem) return;
    problem = text;
    options.onProblem?.(text);
  };

  /** The next node's URL; waits until there is one that may be tried. */
  async function nextNode(signal: AbortSignal): Promise<string> {
    for (;;) {
      signal.throwIfAborted();
      const picked = options.nodes.pick(performance.now());
      if (picked && "url" in picked) return picked.url;
      if (!picked) say("no Elasticsearch data node is registered; look at the jobs of the role es-data");
      await delay(Math.min(picked?.waitMs ?? NO_NODE_MS, NO_NODE_MS), undefined, { signal });
    }
  }

  /** Sends a part once. */
  async function post(part: Part, signal: AbortSignal): Promise<Reply> {
    const url = await nextNode(signal);
    const payload = budgets.compressed
      ? ({ body: await compress(part.body, FASTEST), encoding: "gzip" } as const)
      : { body: part.body };
    // What compressing takes is the parser's time.
    const begin = performance.now();
    let allWritten = false;
    let took: number | undefined;
    try {
      const { status, text } = await client.send(
        url,
        { method: "POST", path: BULK_PATH, ...payload },
        signal,
        (head) => {
          took = tookMillis(head);
          allWritten = errorsFlag(head) === false;
          return allWritten;
        },
      );
      options.nodes.answered(url);
      const millis = performance.now() - begin;
      const times = { millis, ...(took === undefined ? {} : { tookMillis: took }) };
      if (allWritten) return { kind: "all-written", ...times };
      const verdict = judgeResponse(status, text);
      if (verdict.kind !== "items") return { ...verdict, ...times };
      const items = itemsOf(text, part.count);
      if (items) return { kind: "items", items, ...times };
      return { kind: "garbled", error: garbled(url, part.count, text), ...times };
    } catch (error) {
      if (signal.aborted) throw error;
      options.nodes.failed(url, performance.now());
      const reason = `${url}: ${describeError(error)}`;
      return { kind: "retry", reason, isUnwritten: error instanceof UnsentError, millis: performance.now() - begin };
    }
  }

  /** See the head of this function. */
  async function settle(bulk: BulkBody, signal: AbortSignal): Promise<Settled> {
    const duplicates: number[] = [];
    const exceptions: (readonly [number, Outcome])[] = [];
    const lost: (readonly [number, Error])[] = [];
    /** What ends a body that is repeatable costs of another one those documents alone. */
    const lose = (indexes: Iterable<number>, error: Error): void => {
      if (bulk.isRepeatable) throw error;
      for (const index of indexes) lost.push([index, error]);
    };
    const mayAgain = (isUnwritten: boolean): boolean => bulk.isRepeatable || isUnwritten;
    const parts = new Parts(bulk);
    let failures = 0;
    const open: Part[] = [parts.whole()];
    for (let part = open.pop(); part !== undefined; part = open.pop()) {
      const reply = await post(part, signal);
      let retry: Part | undefined;
      let reason = "";
      switch (reply.kind) {
        case "all-written":
          break;
        case "items": {
          const again: number[] = [];
          for (const [i, item] of reply.items.entries()) {
            const verdict = judgeItem(item);
            const index = part.indexOf(i);
            if (verdict.kind === "duplicate" && bulk.isRepeatable) duplicates.push(index);
            else if (verdict.kind === "duplicate") lose([index], uncertain("409 for a document without an id"));
            else if (verdict.kind === "rejected") exceptions.push([index, verdict]);
            else if (verdict.kind === "held") lose([index], held(verdict.reason));
            else if (verdict.kind === "retry") {
              reason = verdict.reason;
              if (mayAgain(verdict.isUnwritten)) again.push(index);
              else lose([index], uncertain(reason));
            }
          }
          if (again.length > 0) retry = again.length === part.count ? part : parts.of(again);
          // Some progress: begin the waits anew.
          if (again.length < part.count) failures = 0;
          break;
        }
        case "split":
          // What Elasticsearch reads as it comes it may have begun to write before it met what spoils the whole.
          if (!bulk.isRepeatable && reply.status !== 413)
            lose(indexesOf(part), held(`${reply.status} ${reply.reason}`));
          else if (part.count > 1) open.push(...parts.halves(part));
          else exceptions.push([part.indexOf(0), rejected(reply)]);
          break;
        case "held":
          lose(indexesOf(part), held(reply.reason));
          break;
        case "garbled":
          lose(indexesOf(part), bulk.isRepeatable ? reply.error : uncertain(reply.error.message));
          break;
        case "retry":
          reason = reply.reason;
          if (mayAgain(reply.isUnwritten)) retry = part;
          else lose(indexesOf(part), uncertain(reason));
          break;
      }
      const throttled = reason.startsWith("429");
      inFlight.answered(throttled);
      options.observe?.({
        documents: part.count,
        bytes: part.body.length,
        millis: reply.millis,
        ...(reply.tookMillis === undefined ? {} : { tookMillis: reply.tookMillis }),
        retried: retry?.count ?? 0,
        failed: reply.kind === "retry" && !throttled,
        throttled,
      });
      if (retry) {
        failures += 1;
        // A node refuses what does not fit into its memory with 429 too, however often it is sent.
        const tooMuch = throttled && reply.kind === "retry" && failures % policy.problemAfter === 0;
        if (tooMuch && retry.count > 1 && retry.body.length > policy.smallestSplitBytes) {
          open.push(...parts.halves(retry));
        } else open.push(retry);
        if (failures >= policy.problemAfter) say(`sending ${retry.count} documents again: ${reason}`);
        await delay(backoffMs(policy, failures, Math.random()), undefined, { signal });
      } else {
        failures = 0;
        if (lost.length === 0) say(undefined);
      }
    }
    duplicates.sort((a, b) => a - b);
    exceptions.sort(([a], [b]) => a - b);
    return { duplicates, exceptions, failures: lost };
  }

  const send = createBundles(settle, {
    get bulkBytes() {
      return budgets.bulkBytes;
    },
    get inFlight() {
      return inFlight.limit;
    },
    ...(options.onFull === undefined ? {} : { onFull: options.onFull }),
  });

  return {
    async check(signal) {
      // The loader may see nothing but its own name; without security the answer is an error, but an answer.
      for (let attempt = 0; ; attempt++) {
        const url = await nextNode(signal);
        try {
          // A healthy node answers that as fast as it takes connections.
          const soon = AbortSignal.any([signal, AbortSignal.timeout(policy.connectMs)]);
          const { status } = await client.send(url, { method: "GET", path: "/_security/_authenticate" }, soon);
          if (status >= 500) throw new Error(`it answers ${status}`);
          options.nodes.answered(url);
          if (status === 401) throw held("401: the credential is refused");
          return;
        } catch (error) {
          if (signal.aborted || error instanceof BackfillError) throw error;
          options.nodes.failed(url, performance.now());
          if (attempt >= policy.problemAfter) {
            throw new StoreError(
              "STORE_UNREACHABLE",
              `no data node answers, last ${url} (${describeError(error)}); look at the jobs of the role es-data`,
              {
                retryable: true,
                cause: error,
              },
            );
          }
        }
      }
    },
    async write(batch, signal) {
      if (batch.count === 0) return { written: 0, duplicate: 0, exceptions: [] };
      try {
        const { body, count, lengths, attempt } = batch;
        return await send({ body, count, lengths, isRepeatable: attempt === undefined }, signal);
      } catch (error) {
        if (error instanceof BackfillError) throw error;
        throw new StoreError("WRITE_ABORTED", "the write was aborted; the chunk is done again", {
          retryable: true,
          cause: error,
        });
      }
    },
    [Symbol.asyncDispose]: async () => client.close(),
  };
}

type Reply = { readonly millis: number; readonly tookMillis?: number } & (
  | { readonly kind: "all-written" }
  | { readonly kind: "items"; readonly items: readonly BulkItem[] }
  | { readonly kind: "retry"; readonly reason: string; readonly isUnwritten: boolean }
  | { readonly kind: "held"; readonly reason: string }
  | { readonly kind: "garbled"; readonly error: StoreError }
  | { readonly kind: "split"; readonly status: number; readonly type: string; readonly reason: string }
);

function rejected({ status, type, reason }: { status: number; type: string; reason: string }): Outcome {
  return { kind: "rejected", status, type, reason };
}

function held(reason: string): StoreError {
  return new StoreError(
    "STORE_REFUSED",
    `Elasticsearch refuses the bulk (${reason}). Nothing is lost: the chunk waits. Look at the indices, the disk and the user gh-loader`,
    { retryable: true, context: { reason } },
  );
}

function uncertain(reason: string): StoreError {
  return new StoreError(
    "WRITE_UNCERTAIN",
    `nobody can tell what of a bulk was written (${reason}); the chunk is done again, and what this attempt wrote is deleted in the end`,
    { retryable: true, context: { reason } },
  );
}

/** Undefined when not every document has an answer: then nothing is known of any. */
function itemsOf(text: string, count: number): readonly BulkItem[] | undefined {
  let items: BulkItem[] = [];
  try {
    const body = JSON.parse(text) as { items?: Readonly<Record<string, BulkItem>>[] };
    items = (body.items ?? []).map((item) => Object.values(item)[0] ?? { status: 0 });
  } catch {
    // Counted below.
  }
  return items.length === count ? items : undefined;
}

function garbled(url: string, count: number, text: string): StoreError {
  return new StoreError(
    "STORE_PROTOCOL",
    `${url} answered a bulk of ${count} documents with something else than as many results: ${text.slice(0, 100)}`,
    { retryable: true, context: { url, count } },
  );
}

function* indexesOf(part: Part): Generator<number> {
  for (let i = 0; i < part.count; i++) yield part.indexOf(i);
}

/** Some documents of a body as one request. */
interface Part {
  readonly body: Uint8Array;
  readonly count: number;
  /** The index in the whole body of the part's i-th document. */
  indexOf(i: number): number;
}

/** Cuts a body by the documents' lengths. */
class Parts {
  readonly #batch: BulkBody;
  #starts: Float64Array | undefined;

  constructor(batch: BulkBody) {
    this.#batch = batch;
  }

  whole(): Part {
    return this.range(0, this.#batch.count);
  }

  range(from: number, to: number): Part {
    const starts = this.#starts ?? (this.#starts = startsOf(this.#batch));
    return { body: this.#batch.body.subarray(starts[from], starts[to]), count: to - from, indexOf: (i) => from + i };
  }

  of(indexes: readonly number[]): Part {
    const starts = this.#starts ?? (this.#starts = startsOf(this.#batch));
    const bodies = indexes.map((index) => this.#batch.body.subarray(starts[index], starts[index + 1]));
    return { body: Buffer.concat(bodies), count: indexes.length, indexOf: (i) => indexes[i] ?? -1 };
  }

  halves(part: Part): readonly [Part, Part] {
    const middle = part.count >> 1;
    const indexes = Array.from({ length: part.count }, (_, i) => part.indexOf(i));
    return [this.of(indexes.slice(middle)), this.of(indexes.slice(0, middle))];
  }
}

function startsOf(batch: BulkBody): Float64Array {
  const starts = new Float64Array(batch.count + 1);
  for (let i = 0; i < batch.count; i++) starts[i + 1] = (starts[i] ?? 0) + (batch.lengths[i] ?? 0);
  return starts;
}
