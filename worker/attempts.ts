import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import type { CampaignKeys } from "./contract/keys.ts";

/** Gives out the tags of attempts at chunks. */
export interface Attempts {
  /**
   * A tag that no delivery of any chunk of the campaign has had. It stands in Redis when this resolves, so that documents with it can be found
   * whatever becomes of this process. Waits while Redis is away.
   * @throws the signal's reason when aborted
   */
  begin(chunk: string, signal: AbortSignal): Promise<string>;
}

/** 50 bits in base32hex. Short, since it is looked up by Elasticsearch for each document of a new segment, and never counted on to be unique. */
const TAG_BYTES = 10;
const BASE32HEX = "0123456789abcdefghijklmnopqrstuv";

/** Tags are words of their own: the numbers of BullMQ's attempts may come again, and those of a Redis that lost its memory do. */
export function createAttempts(redis: Redis, keys: CampaignKeys, tag: () => string = randomTag): Attempts {
  return {
    async begin(chunk, signal) {
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
      aborted.catch(() => undefined);
      for (;;) {
        signal.throwIfAborted();
        const word = tag();
        // One that is written down after all belongs to no document.
        if ((await Promise.race([redis.hsetnx(keys.attempts, word, chunk), aborted])) === 1) return word;
      }
    },
  };
}

function randomTag(): string {
  return Array.from(randomBytes(TAG_BYTES), (byte) => BASE32HEX[byte & 31]!).join("");
}
