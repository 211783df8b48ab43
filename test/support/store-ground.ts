import { join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import { startElasticsearch, type TestElasticsearch } from "./elasticsearch-node.ts";
import { startFaultProxy, type FaultProxy } from "./fault-proxy.ts";
import { startRedis, type TestRedis } from "./redis-server.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";
import { startTestCarbon, type TestCarbon } from "./test-carbon.ts";

/** What loads stand on whose store, network, Redis and carbon fail: the real parts, without orchestrator or batch jobs. */
export interface StoreGround {
  readonly dir: string;
  readonly redis: TestRedis;
  /** The node that is asked and told things. */
  readonly store: TestElasticsearch;
  /** The nodes that hold data: that one, or others. */
  readonly data: readonly TestElasticsearch[];
  /** In front of the first of them. */
  readonly proxy: FaultProxy;
  readonly client: Client;
  readonly carbon: TestCarbon;
  /** The disk of the node's data; absent where nobody may mount one. */
  readonly disk: SmallDisk | undefined;
  close(): Promise<void>;
}

const MiB = 2 ** 20;
/** Free space below which the store closes its indices for writing, as a campaign's `elasticsearch.yml` has it at 1 GB. */
export const FLOOD_STAGE_BYTES = 96 * MiB;

/** One node that does everything, on a disk of its own. The caller closes it. */
export async function startStoreGround(dir: string): Promise<StoreGround> {
  return await started(async (endings) => {
    const disk = mountSmallDisk(join(dir, "disk"), 512 * MiB);
    endings.push(() => disk?.remove());
    const watermark = "cluster.routing.allocation.disk.watermark";
    const store = await startElasticsearch(
      dir,
      disk && {
        "path.data": disk.dir,
        [`${watermark}.low`]: `${String((2 * FLOOD_STAGE_BYTES) / MiB)}mb`,
        [`${watermark}.high`]: `${String((1.5 * FLOOD_STAGE_BYTES) / MiB)}mb`,
        [`${watermark}.flood_stage`]: `${String(FLOOD_STAGE_BYTES / MiB)}mb`,
        // The shortest that there is.
        "cluster.info.update.interval": "10s",
      },
    );
    endings.push(() => store.stop());
    return { dir, store, data: [store], disk };
  });
}

/** A master and two data nodes. The caller closes it. */
export async function startClusterGround(dir: string): Promise<StoreGround> {
  return await started(async (endings) => {
    const node = async (name: string, settings: Readonly<Record<string, unknown>>): Promise<TestElasticsearch> => {
      const one = await startElasticsearch(join(dir, name), {
        "node.name": name,
        "discovery.type": "multi-node",
        // A dead node is found out as soon as in a campaign.
        "cluster.fault_detection.follower_check.timeout": "7s",
        ...settings,
      });
      endings.push(() => one.stop());
      return one;
    };
    const store = await node("m1", { "node.roles": ["master"], "cluster.initial_master_nodes": ["m1"] });
    const seeds = { "node.roles": ["data"], "discovery.seed_hosts": [store.transport] };
    const data = [await node("d1", seeds), await node("d2", seeds)];
    return { dir, store, data, disk: undefined };
  });
}

/** What is around the store, and the end of all of it: the last of them is closed first, also what did start when the rest did not. */
async function started(
  startStore: (endings: (() => unknown)[]) => Promise<Pick<StoreGround, "dir" | "store" | "data" | "disk">>,
): Promise<StoreGround> {
  const endings: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    const parts = await startStore(endings);
    const redis = await startRedis(parts.dir);
    endings.push(() => redis.stop());
    const carbon = await startTestCarbon();
    endings.push(() => carbon.leave());
    const proxy = await startFaultProxy(parts.data[0]?.url ?? "");
    endings.push(() => proxy.close());
    const client = new Client({ node: parts.store.url });
    endings.push(() => client.close());
    return { ...parts, redis, proxy, client, carbon, close };
  } catch (error) {
    await close();
    throw error;
  }
}
