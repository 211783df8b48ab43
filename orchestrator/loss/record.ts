/** What a loss of shards is in the journal. */

export interface Shard {
  readonly index: string;
  readonly shard: number;
}

/** What was put back into the spool because of a loss. */
export interface PutBack {
  /** Chunks that were in work, and whose attempts were ended. */
  readonly attempts: number;
  /** Committed chunks that had documents in the lost indices, and what they had loaded there and elsewhere. */
  readonly chunks: number;
  readonly documents: number;
  readonly bytes: number;
}

/** For people. */
export function reloadText(reload: {
  readonly nodes: readonly string[];
  readonly shards: readonly Shard[];
  readonly done?: PutBack;
}): string {
  const { nodes, shards, done } = reload;
  const what = `${String(shards.length)} shards went with ${nodes.length > 0 ? `the data nodes ${nodes.join(", ")}` : "a data node"}`;
  if (!done) return `${what}: their chunks are being put back into the spool`;
  return `${what}: ${String(done.chunks)} committed chunks (${String(done.documents)} documents) and ${String(done.attempts)} that were in work are loaded again`;
}

/** The name in the journal of a part of the n-th reload, counted from 1. */
export function reloadStep(n: number, part: string): string {
  return `reload ${String(n)}: ${part}`;
}
