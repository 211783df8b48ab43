import { crc32 } from "node:zlib";

/** What producer and consumers of the spool must agree on. */

/** Names of the BullMQ jobs. */
export const CHUNK_JOB = "chunk";
export const UNPACK_JOB = "unpack";
/** In the queue of the chunks. */
export const REPLAY_JOB = "replay";

/**
 * Options of every spool job. Finished jobs stay: the return value is the ledger's row, and a job id that
 * exists is not added twice. Eight attempts with exponential backoff last about four minutes.
 */
export const SPOOL_JOB_OPTIONS = {
  attempts: 8,
  backoff: { type: "exponential", delay: 2000 },
  removeOnComplete: false,
  removeOnFail: false,
} as const;

/**
 * In which order chunks and compressed files are taken: `spread` over all days, so that all daily indices work at once, or by the day that the
 * file's path names.
 */
export const ORDERS = ["spread", "oldest", "newest"] as const;
export type Order = (typeof ORDERS)[number];

/** An eighth of BullMQ's priorities, 2^21, counts days; it is enough until the year 2687. */
const DAYS = 2 ** 18;
const DAY_MS = 86_400_000;

/**
 * Where the BullMQ priorities of an order begin, and where they end. Each order has its own, so that of any priority it can be told whether it is
 * right, whatever moved what waits, and however often.
 */
const RANGES: Readonly<Record<Order, readonly [from: number, to: number]>> = {
  oldest: [1, DAYS],
  spread: [DAYS + 1, 2 * DAYS],
  newest: [2 * DAYS + 1, 3 * DAYS],
};

/** Whether a job that waits with this priority waits in this order. One without (0) was put there day by day in turn. */
export function isInOrder(order: Order, priority: number): boolean {
  const [from, to] = RANGES[order];
  return (order === "spread" && priority === 0) || (priority >= from && priority <= to);
}

/**
 * The BullMQ priority, the lowest of which is taken first. Of days of one order that of `spread` is a fair shuffle.
 * @param day `YYYY-MM-DD`; undefined of what comes before all days
 */
export function priorityOf(order: Order, id: string, day: string | undefined): number {
  const [from, to] = RANGES[order];
  if (order === "spread") return from + (crc32(id) % (to - from + 1));
  if (day === undefined) return from;
  const number = Math.min(Math.max(Math.floor(Date.parse(day) / DAY_MS), 0), to - from - 1);
  return order === "oldest" ? from + 1 + number : to - number;
}
