import { afterAll, beforeAll, expect, it } from "vitest";
import { Client } from "@elastic/elasticsearch";
import { createCluster } from "../../orchestrator/cluster.ts";
import type { NodeLook } from "../../orchestrator/tuning/looks.ts";
import { createTuner } from "../../orchestrator/tuning/tuner.ts";
import { startElasticsearch, type TestElasticsearch } from "../support/elasticsearch-node.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { narrowNetwork } from "../support/narrow-network.ts";
import { addUp, createParserCampaign, syslogLines } from "../support/parser-campaign.ts";
import { startParser } from "../support/parser-child.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";
import { TUNED_NODES, tunedCampaign } from "../support/tuned-campaign.ts";

const ID = "narrow";
const HOSTS = ["a", "b", "c", "d"];
/** Of each. */
const LINES = 150_000;
const BYTES_PER_SECOND = 1_000_000;

/** The tuner, a parser and a store with too little network between them, all real; of the orchestrator the tuner alone. */
describeWith(["redis", "elasticsearch"], "a narrow network", () => {
  const dir = privateStateDir("narrow");
  let redis: TestRedis;
  let store: TestElasticsearch;
  beforeAll(async () => {
    redis = await startRedis(dir);
    store = await startElasticsearch(dir);
  });
  afterAll(async () => {
    await store?.stop();
    await redis?.stop();
  });

  it("is given bodies that go compressed, and each line stands in the store once", async () => {
    const network = await narrowNetwork(store.url, BYTES_PER_SECOND);
    const campaign = await createParserCampaign(ID, dir, redis, store);
    const client = new Client({ node: store.url });
    const ctx = await tunedCampaign(dir, ID, redis.client, {});
    // It goes on from there, so that it does not climb first.
    ctx.view.tuned = { at: 0, bulkBytes: 256 * 1024, requestsInFlight: 4, reason: "" };
    const cluster = createCluster(client);
    let nodes: NodeLook | undefined;
    const tuner = createTuner(ctx, () => nodes);
    try {
      await campaign.createIndices();
      await campaign.setDataNode(network.url);
      const chunks = HOSTS.flatMap((host) => campaign.plainFile(`${host}/syslog`, syslogLines(LINES, host), 2 ** 20));
      await campaign.addChunks(chunks);
      const options = { dir, campaign: ID, redisPort: redis.port, name: TUNED_NODES.parser };
      const parser = await startParser({ ...options, parser: { bulkBytes: 256 * 1024 } });
      try {
        const bytesOf = async (): Promise<{ documents: number; bytes: number }> => ({
          documents: addUp(await campaign.rows()).stored,
          bytes: network.carried,
        });
        const start = await bytesOf();
        let turned: typeof start | undefined;
        await waitFor(
          "compressed bodies to be what is fastest",
          async () => {
            const [figures] = Object.values(await cluster.nodeFigures());
            // Its host is another one than the parser's, and has time.
            if (figures)
              nodes = { at: Date.now(), figures: { [TUNED_NODES.dataNode]: { ...figures, hostCpuPercent: 10 } } };
            await tuner.look();
            // Not when they are kept: how long that takes is the machine's, and the load may have ended by then.
            if (tuner.budgets().compressed) turned ??= await bytesOf();
            return ctx.view.tuned?.reason.startsWith("compressed bodies is faster");
          },
          { timeoutMs: 120_000, everyMs: 1000 },
        );
        expect(tuner.budgets().compressed).toBe(true);
        await waitFor("the end of the load", async () => (await campaign.parse.getCompletedCount()) === chunks.length, {
          timeoutMs: 60_000,
        });
        const end = await bytesOf();
        expect(end.documents).toBe(HOSTS.length * LINES);
        const each = (from: typeof start, to: typeof start): number =>
          (to.bytes - from.bytes) / (to.documents - from.documents);
        expect(each(turned!, end)).toBeLessThan(each(start, turned!) / 2);
        await client.indices.refresh({ index: campaign.indices });
        expect((await client.count({ index: campaign.indices })).count).toBe(HOSTS.length * LINES);
      } finally {
        await parser.kill();
      }
    } finally {
      await ctx.journal.close();
      await campaign.close();
      await client.close();
      await network.close();
    }
  });
});
