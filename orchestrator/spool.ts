import { ErrorCode, Queue, type Job } from "bullmq";
import type { Redis } from "ioredis";
import type { Chunk, Unpack, UnpackResult } from "../worker/contract/chunk.ts";
import { PARSE_QUEUE, UNPACK_QUEUE, type CampaignKeys } from "../worker/contract/keys.ts";
import type { LedgerRow } from "../worker/contract/ledger.ts";
import type { Replay } from "../worker/contract/replay.ts";
import {
  CHUNK_JOB,
  isInOrder,
  REPLAY_JOB,
  SPOOL_JOB_OPTIONS,
  UNPACK_JOB,
  type Order,
} from "../worker/contract/spool.ts";
import { jobPriority, reorder } from "./spool-order.ts";

/** Jobs of one queue by what remains to be done with them. */
export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly completed: number;
  readonly failed: number;
}

export interface FailedJob {
  readonly queue: "parse" | "unpack";
  readonly id: string;
  /** `CODE: text`, as the worker wrote it. */
  readonly reason: string;
  readonly attempts: number;
  readonly chunk?: Chunk;
  readonly unpack?: Unpack;
  readonly replay?: Replay;
}

/**
 * The producing side of the spool. It adds references to bytes, never lines. Adding is idempotent: a job id that
 * exists, in whatever state, is not added again.
 */
export interface Spool {
  /** Adds them to be taken in that order; with `spread`, the default, in the one in which they come. Returns how many were handed over. */
  addChunks(chunks: Iterable<Chunk>, order?: Order): Promise<number>;
  addUnpacks(unpacks: Iterable<Unpack>, order?: Order): Promise<number>;
  /**
   * They go to the queue of the chunks. One that has failed for good is tried again as it is given now. Returns how many wait that were done
   * with, or not there.
   */
  addReplays(replays: readonly Replay[]): Promise<number>;
  /** Lets what waits be taken in this order from now on. To be called again and again: jobs come back with the priority that they once had. */
  reorder(order: Order): Promise<number>;
  /** Lets workers take jobs. */
  open(): Promise<void>;
  /** Workers finish what they have and take nothing new. */
  close(): Promise<void>;
  counts(): Promise<{ readonly parse: QueueCounts; readonly unpack: QueueCounts }>;
  /** True when nothing waits, runs or is delayed, and never will again by itself. */
  isDrained(): Promise<boolean>;
  /** Ledger rows in the order of their commit, beginning with the `from`-th. */
  rows(from?: number): AsyncGenerator<LedgerRow>;
  unpackResults(): AsyncGenerator<UnpackResult>;
  failed(): Promise<readonly FailedJob[]>;
  /**
   * Ends every attempt at a chunk that is in work: its lock is taken from it, so that it can commit nothing any more, and the chunk waits
   * again, no attempt of it used up. For a closed spool; an open one would begin others meanwhile. Returns how many.
   */
  endAttempts(): Promise<number>;
  /** Takes the rows of committed chunks out of the ledger and lets the chunks wait again, each in one step. */
  putBack(chunks: readonly string[]): Promise<void>;
  /** Puts failed jobs back. Returns how many. */
  retryFailed(): Promise<number>;
  disconnect(): Promise<void>;
}

const PAGE = 500;

/** Whether BullMQ says that the lock is not there any more, or is another attempt's. */
function isLockError(error: unknown): boolean {
  const code = (error as { readonly code?: unknown }).code;
  return code === ErrorCode.JobLockNotExist || code === ErrorCode.JobLockMismatch;
}

export function createSpool(redis: Redis, keys: CampaignKeys): Spool {
  const options = { connection: redis, prefix: keys.queuePrefix };
  const parse = new Queue<Chunk | Replay, LedgerRow>(PARSE_QUEUE, options);
  const unpack = new Queue<Unpack, UnpackResult>(UNPACK_QUEUE, options);
  // Without a listener a lost connection would end the process; ioredis reconnects by itself.
  for (const queue of [parse, unpack]) queue.on("error", () => undefined);

  async function add<T extends Chunk | Unpack | Replay>(
    queue: Queue,
    name: string,
    items: Iterable<T>,
    order: Order = "spread",
  ): Promise<number> {
    const isSorted = isInOrder(order, 0);
    let total = 0;
    let batch: T[] = [];
    const send = async (): Promise<void> => {
      const optionsOf = (data: T) => ({
        ...SPOOL_JOB_OPTIONS,
        jobId: data.id,
        priority: isSorted ? 0 : jobPriority(order, name, data),
      });
      await queue.addBulk(batch.map((data) => ({ name, data, opts: optionsOf(data) })));
      total += batch.length;
      batch = [];
    };
    for (const item of items) {
      batch.push(item);
      if (batch.length >= PAGE) await send();
    }
    if (batch.length > 0) await send();
    return total;
  }

  async function countsOf(queue: Queue): Promise<QueueCounts> {
    const counts = await queue.getJobCounts("wait", "prioritized", "active", "delayed", "completed", "failed");
    return {
      waiting: (counts["wait"] ?? 0) + (counts["prioritized"] ?? 0),
      active: counts["active"] ?? 0,
      delayed: counts["delayed"] ?? 0,
      completed: counts["completed"] ?? 0,
      failed: counts["failed"] ?? 0,
    };
  }

  async function* completed<T>(queue: Queue<unknown, T>, from: number): AsyncGenerator<T> {
    for (let at = from; ; at += PAGE) {
      const jobs = (await queue.getJobs(["completed"], at, at + PAGE - 1, true)) as Job<unknown, T>[];
      for (const job of jobs) yield job.returnvalue;
      if (jobs.length < PAGE) return;
    }
  }

  const open = (counts: QueueCounts): number => counts.waiting + counts.active + counts.delayed;

  return {
    addChunks: (chunks, order) => add(parse, CHUNK_JOB, chunks, order),
    addUnpacks: (unpacks, order) => add(unpack, UNPACK_JOB, unpacks, order),
    async addReplays(replays) {
      let waiting = 0;
      for (let at = 0; at < replays.length; at += PAGE) {
        const page = replays.slice(at, at + PAGE);
        const there = await Promise.all(page.map(({ id }) => parse.getJob(id)));
        waiting += await add(
          parse,
          REPLAY_JOB,
          page.filter((_, i) => !there[i]),
        );
        for (const [i, job] of there.entries()) {
          if (!(await job?.isFailed())) continue;
          await (job as Job<Replay> | undefined)?.updateData(page[i]!);
          await job?.retry("failed");
          waiting += 1;
        }
      }
      return waiting;
    },
    // Those that bring chunks first.
    reorder: async (order) => (await reorder(unpack, order)) + (await reorder(parse, order)),
    async open() {
      await Promise.all([parse.resume(), unpack.resume()]);
    },
    async close() {
      await Promise.all([parse.pause(), unpack.pause()]);
    },
    async counts() {
      const [p, u] = await Promise.all([countsOf(parse), countsOf(unpack)]);
      return { parse: p, unpack: u };
    },
    async isDrained() {
      // Unpacking adds chunks before it completes, so its queue is asked first.
      if (open(await countsOf(unpack)) > 0) return false;
      return open(await countsOf(parse)) === 0;
    },
    rows: (from = 0) => completed<LedgerRow>(parse, from),
    unpackResults: () => completed<UnpackResult>(unpack, 0),
    async failed() {
      const result: FailedJob[] = [];
      for (const job of await parse.getFailed(0, -1)) {
        result.push({
          queue: "parse",
          id: job.id ?? "",
          reason: job.failedReason,
          attempts: job.attemptsMade,
          ...(job.name === REPLAY_JOB ? { replay: job.data as Replay } : { chunk: job.data as Chunk }),
        });
      }
      for (const job of await unpack.getFailed(0, -1)) {
        result.push({
          queue: "unpack",
          id: job.id ?? "",
          reason: job.failedReason,
          attempts: job.attemptsMade,
          unpack: job.data,
        });
      }
      return result;
    },
    async endAttempts() {
      let ended = 0;
      for (;;) {
        const active = await parse.getActive(0, -1);
        if (active.length === 0) return ended;
        for (const job of active) {
          const token = await redis.get(`${parse.toKey(job.id ?? "")}:lock`);
          try {
            // Without a lock its parser has died: "0" asks for none.
            await job.moveToWait(token ?? "0");
            ended += 1;
          } catch (error) {
            // It was committed or given back in between; what is still in work is found by the next look.
            if (!isLockError(error)) throw error;
          }
        }
      }
    },
    async putBack(chunks) {
      for (let at = 0; at < chunks.length; at += PAGE) {
        await Promise.all(
          chunks.slice(at, at + PAGE).map(async (id) => {
            const job = await parse.getJob(id);
            // Its earlier failures, if it had any, are not to count against it. The numbers of its attempts go on.
            await job?.retry("completed", { resetAttemptsMade: true });
          }),
        );
      }
    },
    async retryFailed() {
      let n = 0;
      for (const queue of [unpack, parse]) {
        for (const job of await queue.getFailed(0, -1)) {
          await job.retry("failed");
          n += 1;
        }
      }
      return n;
    },
    async disconnect() {
      await Promise.all([parse.close(), unpack.close()]);
    },
  };
}
