import type { EncodedBatch, Outcome, WriteResult } from "../../contract/pipeline.ts";

/** Documents of one request: the part of a batch that the wire needs. */
export interface BulkBody extends Pick<EncodedBatch, "body" | "count" | "lengths"> {
  /** Whether sending it twice writes it once, since its documents bring their ids. */
  readonly isRepeatable: boolean;
}

/** What became of a body's documents. All that are not named were written. The first two are in ascending order. */
export interface Settled {
  readonly duplicates: readonly number[];
  readonly exceptions: readonly (readonly [index: number, outcome: Outcome])[];
  /** Documents of a body that is not repeatable, of which nobody can tell whether they were written, or that nobody may write. */
  readonly failures: readonly (readonly [index: number, error: Error])[];
}

/** Sends a body until each of its documents is settled. */
export type Settle = (bulk: BulkBody, signal: AbortSignal) => Promise<Settled>;

interface Member {
  readonly bulk: BulkBody;
  readonly signal: AbortSignal;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Puts small batches of different chunks into one request. A month's archive is full of files of a few kilobytes, each
 * with lines for every daily index: alone, such a bulk costs the store far more than its documents do.
 *
 * At most `inFlight` requests are under way. What comes meanwhile waits together, and goes out as one request
 * of up to `bulkBytes` when one of them is done: nothing ever waits for company while a request could be sent. Both are read anew each
 * time, since they may change meanwhile. `onFull` is told when something begins to wait, and when nothing does any more.
 *
 * A member whose signal aborts is rejected at once; the request is only aborted when all its members are. When a shared
 * request fails as a whole, its members are sent one by one, so that the error reaches only the one it belongs to; a body that is not
 * repeatable is never sent again: it fails by itself, with its own failures.
 */
export function createBundles(
  settle: Settle,
  options: { readonly bulkBytes: number; readonly inFlight: number; readonly onFull?: (isFull: boolean) => void },
): (bulk: BulkBody, signal: AbortSignal) => Promise<WriteResult> {
  const waiting: Member[] = [];
  let underWay = 0;
  let isFull = false;

  function pump(): void {
    while (underWay < options.inFlight && waiting.length > 0) {
      const members = takeBundle(waiting, options.bulkBytes);
      underWay += 1;
      void deliver(members, settle).finally(() => {
        underWay -= 1;
        pump();
      });
    }
    if (isFull === waiting.length > 0) return;
    isFull = !isFull;
    options.onFull?.(isFull);
  }

  return (bulk, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const aborted = (): void => {
        const at = waiting.indexOf(member);
        if (at >= 0) waiting.splice(at, 1);
        reject(signal.reason as Error);
        pump();
      };
      signal.addEventListener("abort", aborted, { once: true });
      const member: Member = {
        bulk,
        signal,
        resolve: (result) => {
          signal.removeEventListener("abort", aborted);
          resolve(result);
        },
        reject: (error) => {
          signal.removeEventListener("abort", aborted);
          reject(error);
        },
      };
      waiting.push(member);
      pump();
    });
}

/** Takes members from the front: at least one, more as long as all fit. */
function takeBundle(waiting: Member[], bulkBytes: number): readonly Member[] {
  let count = 0;
  for (let bytes = 0; count < waiting.length; count++) {
    bytes += waiting[count]?.bulk.body.length ?? 0;
    if (count > 0 && bytes > bulkBytes) break;
  }
  return waiting.splice(0, count);
}

/** Never rejects: every member gets its own answer. */
async function deliver(members: readonly Member[], settle: Settle): Promise<void> {
  const [first] = members;
  if (!first) return;
  const isShared = members.length > 1;
  const all = allAborted(members.map(({ signal }) => signal));
  try {
    const settled = await settle(isShared ? merge(members.map(({ bulk }) => bulk)) : first.bulk, all.signal);
    let from = 0;
    for (const { bulk, resolve, reject } of members) {
      const failure = failureIn(settled, from, bulk.count);
      if (failure) reject(failure);
      else resolve(resultOf(settled, from, bulk.count));
      from += bulk.count;
    }
  } catch (error) {
    for (const member of members) {
      if (!isShared || !member.bulk.isRepeatable) {
        member.reject(error instanceof Error ? error : new Error(String(error)));
      } else if (!member.signal.aborted) await deliver([member], settle);
    }
  } finally {
    all.release();
  }
}

function failureIn({ failures }: Settled, from: number, count: number): Error | undefined {
  return failures.find(([index]) => index >= from && index < from + count)?.[1];
}

/** The bodies one after another. */
export function merge(bulks: readonly BulkBody[]): BulkBody {
  const count = bulks.reduce((sum, bulk) => sum + bulk.count, 0);
  const lengths = new Uint32Array(count);
  let at = 0;
  for (const bulk of bulks) {
    lengths.set(bulk.lengths.subarray(0, bulk.count), at);
    at += bulk.count;
  }
  const isRepeatable = bulks.every((bulk) => bulk.isRepeatable);
  return { body: Buffer.concat(bulks.map(({ body }) => body)), count, lengths, isRepeatable };
}

/** The share of the documents `[from, from + count)`, numbered from 0. */
export function resultOf(settled: Settled, from: number, count: number): WriteResult {
  const mine = (index: number): boolean => index >= from && index < from + count;
  const duplicate = settled.duplicates.filter(mine).length;
  const exceptions = settled.exceptions
    .filter(([index]) => mine(index))
    .map(([index, outcome]) => [index - from, outcome] as const);
  return { written: count - duplicate - exceptions.length, duplicate, exceptions };
}

/** A signal that fires when all of the others have. */
function allAborted(signals: readonly AbortSignal[]): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const look = (): void => {
    if (signals.every((signal) => signal.aborted)) controller.abort(signals[0]?.reason);
  };
  for (const signal of signals) signal.addEventListener("abort", look, { once: true });
  look();
  return {
    signal: controller.signal,
    release() {
      for (const signal of signals) signal.removeEventListener("abort", look);
    },
  };
}
