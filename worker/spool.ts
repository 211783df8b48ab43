import { Queue, UnrecoverableError, type WorkerOptions } from "bullmq";
import type { Redis, RedisOptions } from "ioredis";
import { PARSE_QUEUE, UNPACK_QUEUE, type CampaignKeys } from "./contract/keys.ts";
import type { Chunk, Unpack, UnpackResult } from "./contract/chunk.ts";
import type { BackfillError } from "./contract/errors.ts";
import type { LedgerRow } from "./contract/ledger.ts";
import { SPOOL_JOB_OPTIONS } from "./contract/spool.ts";

/** The consuming side's options of the spool; what the producer must know too stands in `contract/spool.ts`. */

/**
 * Options of every worker. A killed worker's job is taken up again after at most the lock and one
 * check; ten kills of the same chunk are survived.
 *
 * @param lockSeconds how long a lock lasts without being renewed; it is renewed at half of it
 */
export function workerOptions(
  lockSeconds: number,
): Pick<WorkerOptions, "lockDuration" | "lockRenewTime" | "stalledInterval" | "maxStalledCount"> {
  const lockDuration = Math.round(lockSeconds * 1000);
  return {
    lockDuration,
    lockRenewTime: Math.round(lockDuration / 2),
    stalledInterval: Math.max(500, Math.round(lockDuration / 2)),
    maxStalledCount: 10,
  };
}

export type ParseQueue = Queue<Chunk, LedgerRow, string>;
export type UnpackQueue = Queue<Unpack, UnpackResult, string>;

/** The connection options that BullMQ needs: commands wait while Redis is away instead of failing. */
export function spoolConnection(redis: RedisOptions): RedisOptions {
  return {
    ...redis,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 5), 2000),
  };
}

/** Both queues of a campaign, on a connection of the caller's. The caller closes them, then the connection. */
export function createQueues(redis: Redis, keys: CampaignKeys): { parse: ParseQueue; unpack: UnpackQueue } {
  const options = { connection: redis, prefix: keys.queuePrefix, defaultJobOptions: SPOOL_JOB_OPTIONS };
  return { parse: new Queue(PARSE_QUEUE, options), unpack: new Queue(UNPACK_QUEUE, options) };
}

/**
 * A failure that no further attempt can mend. BullMQ keeps only its message, so that
 * begins with the code: `FILE_CHANGED: …`.
 */
export class PermanentJobError extends UnrecoverableError {
  readonly code: string;

  constructor(error: BackfillError) {
    super(`${error.code}: ${error.message}`);
    this.name = "PermanentJobError";
    this.code = error.code;
    this.cause = error;
  }
}

/** The code at the beginning of a failed job's reason; undefined when it has none. */
export function failureCode(failedReason: string): string | undefined {
  return /^([A-Z][A-Z0-9_]+): /.exec(failedReason)?.[1];
}
