import type { Client } from "@elastic/elasticsearch";
import type { Budgets } from "../../worker/contract/tuning.ts";
import { ask } from "../ask-elasticsearch.ts";
import type { Cluster } from "../cluster.ts";
import type { ReplayBody } from "./replay-body.ts";

/** What the store takes when whoever sends has nothing else to do. */
export interface Ceiling {
  readonly documentsPerSecond: number;
  /** Of bulk bodies. */
  readonly bytesPerSecond: number;
  readonly documents: number;
  readonly seconds: number;
  /** CPU of all data nodes. */
  readonly storeMicrosPerDocument: number;
  /** Documents that were not created: then something else was measured than the store's best. */
  readonly refused: number;
}

export interface CeilingOptions {
  /** Sends the bodies. */
  readonly client: Client;
  /** Is asked for the data nodes' CPU. */
  readonly cluster: Pick<Cluster, "nodeFigures">;
  /** Names of the data nodes. */
  readonly dataNodes: ReadonlySet<string>;
  /** At least as many as requests are in flight. */
  readonly bodies: readonly ReplayBody[];
  readonly requestsInFlight: Budgets["requestsInFlight"];
  /** Sent and not counted: connections are made and buffers filled. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly now?: () => number;
}

/** An answer for every document would be measured too. */
const ONLY_ERRORS = "filter_path=errors,items.*.error.type";

/**
 * Sends the bodies in turn, so many at once, for so long. When it resolves or throws no request is under way any more: one that came after its
 * index was deleted would make another one.
 * @throws StoreError; the signal's reason when aborted
 */
export async function measureCeiling(options: CeilingOptions, signal: AbortSignal): Promise<Ceiling> {
  const { client, requestsInFlight } = options;
  const now = options.now ?? (() => performance.now());
  const free = [...options.bodies];
  const sum = { documents: 0, bytes: 0, refused: 0 };
  let number = 0;
  const endOfWarmUp = now() + options.warmUpSeconds * 1000;
  const end = endOfWarmUp + options.seconds * 1000;
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const send = async (): Promise<void> => {
    while (now() < end && !either.aborted) {
      const body = free.shift();
      if (!body) throw new Error("there are fewer bodies than requests in flight");
      body.stamp((number += 1));
      const answer = await ask("a bulk of prebuilt documents", () =>
        client.transport.request<{ readonly errors?: boolean; readonly items?: readonly unknown[] }>(
          { method: "POST", path: "/_bulk", querystring: ONLY_ERRORS, bulkBody: body.bytes },
          { maxRetries: 0 },
        ),
      );
      free.push(body);
      sum.documents += body.documents;
      sum.bytes += body.bytes.length;
      if (answer.errors === true) sum.refused += answer.items?.length ?? body.documents;
    }
  };
  const measure = async (): Promise<Ceiling> => {
    await waitUntil(endOfWarmUp, now, either);
    const before = { ...sum, cpu: await cpuMillis(options), at: now() };
    await waitUntil(end, now, either);
    const after = { ...sum, at: now() };
    const cpu = (await cpuMillis(options)) - before.cpu;
    const documents = after.documents - before.documents;
    const seconds = (after.at - before.at) / 1000;
    return {
      documentsPerSecond: documents / seconds,
      bytesPerSecond: (after.bytes - before.bytes) / seconds,
      documents,
      seconds,
      storeMicrosPerDocument: documents === 0 ? 0 : (cpu * 1000) / documents,
      refused: after.refused,
    };
  };
  const stopAll = (error: unknown): never => {
    failed.abort(error);
    throw error;
  };
  const senders = Array.from({ length: requestsInFlight }, () => send().catch(stopAll));
  const ceiling = measure();
  await Promise.allSettled([ceiling, ...senders]);
  await Promise.all(senders);
  return await ceiling;
}

async function cpuMillis({ cluster, dataNodes }: CeilingOptions): Promise<number> {
  const figures = Object.entries(await cluster.nodeFigures());
  return figures.reduce((sum, [name, { cpuMillis: cpu }]) => sum + (dataNodes.has(name) ? cpu : 0), 0);
}

async function waitUntil(at: number, now: () => number, signal: AbortSignal): Promise<void> {
  while (now() < at) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, Math.min(50, Math.max(0, at - now()))));
  }
}
