import type { Client } from "@elastic/elasticsearch";
import { pause } from "../../../worker/contract/pause.ts";

/** Documents that an index has been asked to take so far, also those that are not to be searched yet: written, and refused as there already. */
export async function writtenTo(
  client: Client,
  index: string,
): Promise<{ readonly written: number; readonly refused: number }> {
  const answer = await client.indices.stats({ index, metric: "indexing" });
  const indexing = answer._all.primaries?.indexing;
  return { written: indexing?.index_total ?? 0, refused: indexing?.index_failed ?? 0 };
}

const LOOK_MS = 50;

/** Waits until so many are written, or nothing has come for a while. */
export async function untilWritten(
  client: Client,
  index: string,
  documents: number,
  { quietMs, signal }: { readonly quietMs: number; readonly signal: AbortSignal },
): Promise<void> {
  let before = -1;
  let changedAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const { written, refused } = await writtenTo(client, index);
    if (written >= documents) return;
    if (written + refused !== before) changedAt = performance.now();
    else if (performance.now() - changedAt > quietMs) return;
    before = written + refused;
    await pause(LOOK_MS, signal);
  }
}
