import { join } from "node:path";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAgents } from "../../orchestrator/jobs/agents.ts";
import { makeRedisUsers, redisPasswordHash, redisUserName } from "../../orchestrator/redis-users.ts";
import { emptyView } from "../../orchestrator/view.ts";
import { campaignKeys, type NodeRole } from "../../worker/contract/keys.ts";
import { registerNode, withdrawNode } from "../../worker/contract/node-list.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { createParserCampaign } from "../support/parser-campaign.ts";
import { startParser } from "../support/parser-child.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

describeWith(["redis"], "the list of nodes", () => {
  const dir = privateStateDir("node-list");
  const keys = campaignKeys("nodes");
  let server: TestRedis;
  const clients: Redis[] = [];
  beforeAll(async () => {
    server = await startRedis(dir);
    const hash = redisPasswordHash("secret");
    await makeRedisUsers(server.client, "nodes", { "es-data": hash, parser: hash, orchestrator: hash });
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
  });
  const as = (role: NodeRole | "orchestrator"): Redis => {
    const client = server.client.duplicate({ username: redisUserName("nodes", role), password: "secret" });
    clients.push(client);
    return client;
  };
  const registration = (jobName: string, role: NodeRole, instance = "i"): string =>
    JSON.stringify({
      jobName,
      role,
      instance,
      address: "127.0.0.1",
      pid: 1,
      startedAt: 0,
      httpUrl: "http://127.0.0.1:9",
    });

  it("has another version after each write that concerns a data node, and only then", async () => {
    const [dataNode, parser, orchestrator] = [as("es-data"), as("parser"), as("orchestrator")];
    const agents = createAgents({ redis: orchestrator, keys, view: emptyView() });
    const seen = new Set<string | null>([null]);
    const isNew = async (): Promise<boolean> => {
      const version = await parser.get(keys.nodesVersion);
      const before = seen.size;
      return seen.add(version).size > before;
    };
    const steps: readonly (readonly [what: string, change: () => Promise<unknown>, another: boolean])[] = [
      ["a parser", () => registerNode(parser, keys, "p1", registration("p1", "parser")), false],
      ["a data node", () => registerNode(dataNode, keys, "d1", registration("d1", "es-data")), true],
      ["it moves", () => registerNode(dataNode, keys, "d1", registration("d1", "es-data", "j")), true],
      ["a second one", () => registerNode(dataNode, keys, "d2", registration("d2", "es-data")), true],
      ["a parser goes", () => withdrawNode(parser, keys, "p1"), false],
      ["one goes", () => withdrawNode(dataNode, keys, "d2"), true],
      ["it goes again", () => agents.withdraw("d2"), false],
      ["an earlier life of the other", () => agents.forgetLife("d1", "i"), false],
      ["its life", () => agents.forgetLife("d1", "j"), true],
      ["what nobody can read", () => registerNode(dataNode, keys, "d3", "{"), true],
      ["that goes", () => agents.withdraw("d3"), true],
    ];
    for (const [what, change, another] of steps) {
      await change();
      expect([what, await isNew()]).toEqual([what, another]);
    }
    expect(await parser.hgetall(keys.nodes)).toEqual({});
  });

  it("is read by a parser when its version is another one", async () => {
    const store = { url: "http://127.0.0.1:9", request: () => Promise.reject(new Error("there is none")) };
    const campaign = await createParserCampaign("looks", join(dir, "looks"), server, store);
    const commands: string[] = [];
    const monitor = await server.client.duplicate().monitor();
    monitor.on("monitor", (_time: string, args: readonly string[]) => commands.push(args.join(" ")));
    const count = (command: string): number => commands.filter((one) => one.toLowerCase() === command).length;
    const looks = (): number => count(`get ${campaign.keys.nodesVersion}`);
    const reads = (): number => count(`hgetall ${campaign.keys.nodes}`);
    const after = async (change: () => Promise<unknown>): Promise<number> => {
      const before = reads();
      await change();
      const from = looks();
      await waitFor("two more looks", () => looks() >= from + 2);
      return reads() - before;
    };
    const parser = await startParser({ dir, campaign: campaign.id, redisPort: server.port });
    try {
      await waitFor("its first look", () => looks() > 0);
      expect(await after(() => Promise.resolve())).toBe(0);
      expect(await after(() => registerNode(server.client, campaign.keys, "p2", registration("p2", "parser")))).toBe(0);
      expect(await after(() => campaign.setDataNode("http://127.0.0.1:10", "d2"))).toBe(1);
      // Of a Redis that lost its memory nothing is known.
      expect(await after(() => server.client.del(campaign.keys.nodesVersion))).toBeGreaterThan(0);
    } finally {
      monitor.disconnect();
      parser.send("stop");
      await parser.exited;
      await campaign.close();
    }
  });
});
