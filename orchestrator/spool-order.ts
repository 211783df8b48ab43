import type { Job, Queue } from "bullmq";
import type { Chunk, Unpack } from "../worker/contract/chunk.ts";
import type { Replay } from "../worker/contract/replay.ts";
import { CHUNK_JOB, isInOrder, priorityOf, UNPACK_JOB, type Order } from "../worker/contract/spool.ts";

type Message = Chunk | Unpack | Replay;

const PAGE = 500;

/**
 * Lets what waits in a queue be taken in another order. Each job is moved in one step of its own, so a parser that takes one meanwhile gets it
 * as it is before or after that; whoever breaks off leaves a part that the next call goes on with. What is in order costs two looks.
 *
 * @returns how many jobs were moved
 */
export async function reorder(queue: Queue<Message>, order: Order): Promise<number> {
  let moved = await reorderUnsorted(queue, order);
  // Priorities of another order are all below, or all above, those of this one.
  for (const fromLowest of [true, false]) {
    for (let page = 1; ; page = PAGE) {
      const jobs = (await queue.getJobs(["prioritized"], 0, page - 1, fromLowest)) as Job<Message>[];
      const wrong = jobs.filter((job) => !isInOrder(order, job.priority));
      if (wrong.length === 0) break;
      moved += await move(wrong, order);
    }
  }
  return moved;
}

/** What waits without a priority is taken before all others: as the plan put it there, or since its parser died, with the order's priority. */
async function reorderUnsorted(queue: Queue<Message>, order: Order): Promise<number> {
  let moved = 0;
  // Beginning with what would be taken next: there BullMQ finds each at once, however long the list is.
  for (let at = 0; ;) {
    const jobs = (await queue.getJobs(["wait"], at, at + PAGE - 1, true)) as Job<Message>[];
    if (jobs.length === 0) return moved;
    const wrong = jobs.filter((job) => !isInOrder(order, job.priority));
    moved += await move(wrong, order);
    at += jobs.length - wrong.length;
  }
}

async function move(jobs: readonly Job<Message>[], order: Order): Promise<number> {
  await Promise.all(jobs.map((job) => job.changePriority({ priority: jobPriority(order, job.name, job.data) })));
  return jobs.length;
}

/** Of an archive that holds several days, the one that comes first counts. Rejected documents are loaded again before all others. */
export function jobPriority(order: Order, name: string, message: Message): number {
  if (name === CHUNK_JOB) return priorityOf(order, message.id, (message as Chunk).origin.firstDay);
  if (name !== UNPACK_JOB) return priorityOf(order, message.id, undefined);
  const days = (message as Unpack).members.map(({ origin }) => origin.firstDay).sort();
  return priorityOf(order, message.id, order === "newest" ? days.at(-1) : days[0]);
}
