import { startScratchNode, type ScratchNode } from "../../../orchestrator/comparing/scratch-node.ts";
import type { BenchPlace } from "../bench-place.ts";

/** One Elasticsearch node as campaigns have their data nodes. */
export interface SecureNode extends ScratchNode {
  /** Sends JSON as the admin, returns JSON. */
  request(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
}

/** Whoever is nobody else. */
const RUN_AS = 20119;

/** @param indices names, with `*`, that the loader may write to */
export async function startSecureNode(
  { dir, elasticsearch }: Pick<BenchPlace, "dir" | "elasticsearch">,
  indices: readonly string[],
  heapBytes: number,
): Promise<SecureNode> {
  const node = await startScratchNode(
    { dir, elasticsearch, heapBytes, runAsUid: RUN_AS, indices },
    new AbortController().signal,
  );
  const { client } = node;
  return {
    ...node,
    request: (method, path, body) => client.transport.request({ method, path, ...(body ? { body } : {}) }),
  };
}
