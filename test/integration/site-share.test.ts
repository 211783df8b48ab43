import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../../orchestrator/config.ts";
import type { CampaignContext } from "../../orchestrator/context.ts";
import { tellLimits, toldRates } from "../../orchestrator/limits.ts";
import { forgetCampaign, makeRedisUsers, redisPasswordHash, redisUserName } from "../../orchestrator/redis-users.ts";
import { takePart } from "../../orchestrator/site-share.ts";
import type { CampaignView } from "../../orchestrator/view.ts";
import { campaignKeys, SITE_SHARES } from "../../worker/contract/keys.ts";
import { askBucket } from "../../worker/contract/rate-bucket.ts";
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
  /** Parsers that would send more than they may for a long time to come: they have sent so much that nobody may for a while. */
  async function press({ redis, keys }: Part): Promise<void> {
    await askBucket(redis, keys, await toldRates({ redis, keys }), 1e6, 1e8);
  }
  /** A look of an orchestrator, and what its parsers are told then. */
  async function look(part: Part): Promise<string> {
    await tellLimits(part);
    return (await part.redis.hget(part.keys.knobs, "eventsPerSecond")) ?? "";
  }
  /** A look of each, one after the other, whose parsers have all that they can do. */
  async function rates(...parts: readonly Part[]): Promise<readonly string[]> {
    const told: string[] = [];
    for (const part of parts) {
      told.push(await look(part));
      await press(part);
    }
    return told;
  }
  function enter(part: Part, state: CampaignView["state"]): void {
    (part.view as { state: string }).state = state;
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
    expect(await rates(march)).toEqual(["50"]);
    // What it has no use for by its own limit is the others'.
    expect(await rates(january, february)).toEqual([
      String(Math.floor((1150 * 6) / 8)),
      String(Math.floor((1150 * 2) / 8)),
    ]);
    enter(february, "paused");
    expect(await rates(february)).toEqual([String(Math.floor((1150 * 2) / 8))]);
    expect(await rates(january, march)).toEqual(["1150", "50"]);
    enter(january, "finishing");
    await takePart(january);
    expect(Object.keys(await server.client.hgetall(SITE_SHARES))).toEqual(["march"]);
    await forgetCampaign(server.client, "march", "any");
    expect(await server.client.exists(SITE_SHARES)).toBe(0);
  });

  it("is lent by one that needs less than its part, and is its own again when it needs it", async () => {
    const both = { "limits.site.bytesPerSecond": 120_000 };
    const waits = await campaign("waits", both);
    const works = await campaign("works", both);
    const bytes = async ({ redis, keys }: Part) => (await toldRates({ redis, keys })).bytesPerSecond;
    await rates(waits, works);
    expect(await rates(waits, works)).toEqual(["600", "600"]);
    // Its parsers find nothing to send. A little of its part stays its own.
    await waits.redis.del(waits.keys.bucket);
    const looks = async () => [await look(waits), ...(await rates(works))];
    await waitFor("what it does not need to be lent", async () => String(await looks()) === "60,1140");
    expect([await bytes(waits), await bytes(works)]).toEqual([6000, 114_000]);
    // They find work, and send more than was left to them.
    await waitFor("its part", async () => String(await rates(waits, works)) === "600,600");
    expect([await bytes(waits), await bytes(works)]).toEqual([60_000, 60_000]);
    // One that does not load claims nothing.
    enter(waits, "paused");
    await tellLimits(waits);
    expect(await rates(works)).toEqual(["1200"]);
  });

  it("leaves to the others what one limit holds up of the other one's", async () => {
    const both = { "limits.site.bytesPerSecond": 120_000 };
    const long = await campaign("long-lines", both);
    const short = await campaign("short-lines", both);
    await rates(long, short);
    await rates(long, short);
    await long.redis.del(long.keys.bucket);
    await waitFor("the events that it has no bytes for to be lent", async () => {
      await look(long);
      await askBucket(long.redis, long.keys, await toldRates(long), 0, 1e8);
      return Number((await rates(short))[0]) > 1000;
    });
    expect((await toldRates(long)).bytesPerSecond).toBe(60_000);
    expect((await toldRates(short)).bytesPerSecond).toBe(60_000);
  });

  it("is kept for one whose orchestrator has died for as long as its parsers may go on, and then is the others'", async () => {
    const dead = await campaign("dead", { "parsers.orphanGrace": "3s" });
    const other = await campaign("other");
    expect(await rates(dead, other)).toEqual(["1200", "600"]);
    await waitFor("the part of the dead one", async () => (await rates(other))[0] === "1200");
  });

  it("is nothing to a campaign that knows of no such limit", async () => {
    const free = await campaign("free", { "limits.site.eventsPerSecond": 0, "limits.eventsPerSecond": 7 });
    expect(await look(free)).toBe("7");
    expect(await server.client.exists(SITE_SHARES)).toBe(0);
  });
});
