import type { Redis } from "ioredis";
import type { CampaignKeys } from "./contract/keys.ts";
import { isInOrder, ORDERS, priorityOf } from "./contract/spool.ts";
import type { ParseQueue } from "./spool.ts";
import type { ChunkQueue } from "./unpack-job.ts";

/** The parse queue, into which chunks go in the order that is wanted when they are added. */
export function createOrderedQueue(parse: ParseQueue, redis: Redis, keys: CampaignKeys): ChunkQueue {
  return {
    getJobState: (chunkId) => parse.getJobState(chunkId),
    async add(name, chunk, options) {
      const wanted = await redis.hget(keys.knobs, "order");
      const order = ORDERS.find((one) => one === wanted) ?? "spread";
      const priority = isInOrder(order, 0) ? 0 : priorityOf(order, chunk.id, chunk.origin.firstDay);
      return await parse.add(name, chunk, { ...options, priority });
    },
  };
}
