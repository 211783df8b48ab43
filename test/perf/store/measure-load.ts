import type { Client } from "@elastic/elasticsearch";
import { createCluster, type Cluster } from "../../../orchestrator/cluster.ts";
import { segmentBytes } from "../../../orchestrator/index-settings.ts";
import { waitFor } from "../../support/wait-for.ts";
import type { Load } from "./load-row.ts";

/** What whoever sends tells of a load. */
export type Sent = Pick<Load, "documents" | "senderMicros" | "wallMicros">;

const LONGEST_MERGE_MS = 300_000;

/**
 * What a load costs the store, whose one node writes nothing else meanwhile. Merges that the load has caused belong to it.
 * @param indices empty, and all that is written to
 * @throws Error when other than the documents that were sent stand in the store
 */
export async function measureLoad(
  client: Client,
  indices: readonly string[],
  send: () => Promise<Sent>,
): Promise<Load> {
  const cluster = createCluster(client);
  const before = await cpuMicrosOf(cluster);
  const sent = await send();
  await settle(client, indices);
  const storeMicros = (await cpuMicrosOf(cluster)) - before;
  const stored = Object.values(await cluster.counts(indices)).reduce((sum, n) => sum + n, 0);
  if (stored !== sent.documents) {
    throw new Error(`${stored} documents stand in the store, not the ${sent.documents} that were sent`);
  }
  return { ...sent, storeMicros, storeBytes: await segmentBytes(client, indices) };
}

/** Until everything can be searched and stands on the disk, and no merge runs: what is not on the disk yet has no size. */
export async function settle(client: Client, indices: readonly string[]): Promise<void> {
  const cluster = createCluster(client);
  await cluster.refresh(indices);
  await client.indices.flush({ index: indices.slice() });
  await waitFor(
    "merges to be done",
    async () => Object.values(await cluster.nodeFigures()).every(({ mergesRunning }) => mergesRunning === 0),
    { timeoutMs: LONGEST_MERGE_MS, everyMs: 200 },
  );
}

/** CPU of a cluster of one node since it started. */
export async function cpuMicrosOf(cluster: Cluster): Promise<number> {
  const [figures] = Object.values(await cluster.nodeFigures());
  if (!figures) throw new Error("the store tells nothing of its process");
  return figures.cpuMillis * 1000;
}
