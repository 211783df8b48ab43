import { startRedis, type TestRedis } from "../../support/redis-server.ts";
import type { BenchPlace } from "../bench-place.ts";
import { startSecureNode, type SecureNode } from "./secure-node.ts";

/** What a parser's work needs. */
export interface Services {
  readonly node: SecureNode;
  readonly redis: TestRedis;
}

const HEAP_BYTES = 2 * 2 ** 30;

/** Starts an Elasticsearch node and a Redis, does the work, and stops both. @param indices names, with `*`, that parsers may write to */
export async function withServices<T>(
  place: BenchPlace,
  indices: readonly string[],
  work: (services: Services) => Promise<T>,
): Promise<T> {
  const redis = await startRedis(place.dir);
  try {
    const node = await startSecureNode(place, indices, HEAP_BYTES);
    try {
      return await work({ node, redis });
    } finally {
      await node.stop();
    }
  } finally {
    await redis.stop();
  }
}
