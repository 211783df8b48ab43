import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../../orchestrator/config.ts";
import type { CampaignContext } from "../../orchestrator/context.ts";
import { tellLimits } from "../../orchestrator/limits.ts";
import { forgetCampaign, makeRedisUsers, redisPasswordHash, redisUserName } from "../../orchestrator/redis-users.ts";
import { takePart } from "../../orchestrator/site-share.ts";
import type { CampaignView } from "../../orchestrator/view.ts";
import { campaignKeys, SITE_SHARES } from "../../worker/contract/keys.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

type Part = CampaignContext & { readonly view: Pick<CampaignView, "state" | "limits"> };

/** Campaigns of one site, each with the Redis user of its own orchestrator. */
describeWith(["redis"], "what campaigns of a site may load together", () => {
  const dir = privateStateDir("site-share");
  let server: TestRedis;
  const clients: { disconnect(): void }[] = [];
  beforeAll(async () => {
    server = await startRedis(dir);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await server.client.flushall();
  });
  afterAll(() => server.stop());

  async function campaign(id: string, settings: Readonly<Record<string, unknown>> = {}): Promise<Part> {
    const given = Object.entries({ stateDir: dir, "limits.site.eventsPerSecond": 1200, ...settings });
    const overrides = Object.fromEntries(given.map(([path, value]) => [path, { flag: "--set", value }]));
    const { config } = await loadConfig({ env: {}, cwd: dir, overrides });
    const hash = redisPasswordHash(id);
    await makeRedisUsers(server.client, id, { "es-data": hash, parser: hash, orchestrator: hash });
    const redis = server.client.duplicate({ username: redisUserName(id, "orchestrator"), password: id });
    clients.push(redis);
    const view: Pick<CampaignView, "state" | "limits"> = { state: "running" };
    return { record: { id }, config, redis, keys: campaignKeys(id), view } as unknown as Part;
  }
  /** A look of each orchestrator, and what its parsers are told then. */
  async function rates(...parts: readonly Part[]): Promise<readonly string[]> {
    for (const part of parts) await tellLimits(part);
    return await Promise.all(
      parts.map(async ({ redis, keys }) => (await redis.hget(keys.knobs, "eventsPerSecond")) ?? ""),
    );
  }

  it("is divided by their weights, anew with each that comes, goes, pauses, or gets another weight", async () => {
    const january = await campaign("january");
    const february = await campaign("february", { "limits.weight": 2 });
    const march = await campaign("march", { "limits.eventsPerSecond": 50 });
    expect(await rates(january)).toEqual(["1200"]);
    // The one that was there hears of it at its next look.
    expect(await rates(february, january)).toEqual(["800", "400"]);
    january.view.limits = { eventsPerSecond: 0, bytesPerSecond: 0, window: null, weight: 6 };
    expect(await rates(january, february)).toEqual(["900", "300"]);
    expect(await rates(january, february, march)).toEqual(["900", "300", "50"]);
    expect(await rates(january, february)).toEqual(["800", "266"]);
    (february.view as { state: string }).state = "paused";
    expect(await rates(february)).toEqual(["266"]);
    expect(await rates(january, march)).toEqual([String(Math.floor((1200 * 6) / 7)), "50"]);
    (january.view as { state: string }).state = "finishing";
    await takePart(january);
    expect(Object.keys(await server.client.hgetall(SITE_SHARES))).toEqual(["march"]);
    await forgetCampaign(server.client, "march", "any");
    expect(await server.client.exists(SITE_SHARES)).toBe(0);
  });

  it("is kept for one whose orchestrator has died for as long as its parsers may go on, and then is the others'", async () => {
    const dead = await campaign("dead", { "parsers.orphanGrace": "3s" });
    const other = await campaign("other");
    expect(await rates(dead, other)).toEqual(["1200", "600"]);
    await waitFor("the part of the dead one", async () => (await rates(other))[0] === "1200");
  });

  it("is nothing to a campaign that knows of no such limit", async () => {
    const free = await campaign("free", { "limits.site.eventsPerSecond": 0, "limits.eventsPerSecond": 7 });
    expect(await rates(free)).toEqual(["7"]);
    expect(await server.client.exists(SITE_SHARES)).toBe(0);
  });
});
