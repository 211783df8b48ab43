import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createCluster } from "../../../orchestrator/cluster.ts";
import { removeLeftovers } from "../../../orchestrator/leftovers.ts";
import { createSpool } from "../../../orchestrator/spool.ts";
import type { Ids } from "../../../worker/contract/ids.ts";
import { treeFigures } from "../../../worker/contract/process-tree.ts";
import { addUp, createParserCampaign } from "../../support/parser-campaign.ts";
import { BENCH_RULES } from "../parse/rules.ts";
import { startBundledParser } from "../store/bundled-parser.ts";
import type { IngestPlace, Loading } from "./loading.ts";
import { pinned } from "./shape.ts";

const LONGEST_MS = 600_000;
/** All of them. */
const MOST = 1_000_000;

/** A parser with a spool of its own. Killed, it is started again as its agent would; what uncommitted attempts have written is removed as at the end of a load. */
export async function gridharvest(place: IngestPlace, ids: Ids): Promise<Loading> {
  const { config, corpus, index, node, options, redis, signal } = place;
  const id = `bench-${ids}`;
  const dir = join(place.dir, id);
  const campaign = await createParserCampaign(id, dir, redis, node, BENCH_RULES);
  const chunks = campaign
    .plainFile("hosts/all.log", await readFile(corpus.file), config.plan.chunkBytes)
    .map((chunk) => ({ ...chunk, origin: { ...chunk.origin, ...pinned(corpus.month, ids) } }));
  const start = () =>
    startBundledParser(campaign, place, { bulkBytes: options.bulkBytes, requestsInFlight: options.inFlight });
  let parser = await start();
  return {
    async load() {
      await campaign.parse.clean(0, MOST, "completed");
      await redis.client.del(campaign.keys.attempts);
      const before = treeFigures(parser.child.pid!).cpuSeconds;
      const begin = Date.now();
      await campaign.addChunks(chunks);
      await campaign.settled(LONGEST_MS);
      const senderMicros = (treeFigures(parser.child.pid!).cpuSeconds - before) * 1e6;
      const done = await campaign.parse.getCompleted(0, -1);
      const { stored } = addUp(done.map(({ returnvalue }) => returnvalue));
      const end = Math.max(...done.map(({ finishedOn = 0 }) => finishedOn));
      return { documents: stored, senderMicros, wallMicros: (end - begin) * 1000 };
    },
    kill: () => parser.kill(),
    async resume() {
      parser = await start();
      await campaign.settled(LONGEST_MS);
      if (ids === "derived") return;
      const spool = createSpool(redis.client, campaign.keys);
      const cluster = createCluster(node.client);
      await removeLeftovers({ cluster, redis: redis.client, keys: campaign.keys, spool }, [index], [], signal);
    },
    async end() {
      await parser.kill();
      await campaign.close();
    },
  };
}
