import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { IDS, type Ids } from "../../worker/contract/ids.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { addUp, createParserCampaign, syslogLines, type ParserCampaign } from "../support/parser-campaign.ts";
import { startParser, type TestParser } from "../support/parser-child.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";
import { startStandInStore, type StandInStore, type StoreMood } from "../support/stand-in-store.ts";

const LINES = 60_000;
const CHUNK_BYTES = 128 * 1024;
const PARSER = { slots: 2, requestsInFlight: 2, bulkBytes: 64 * 1024 };
/** Both slots' requests, none of which is much larger than it shall be. */
const MOST_OPEN = PARSER.slots * PARSER.requestsInFlight * PARSER.bulkBytes * 1.5;

/** A real parser under a store that will not take anything for a while. */
describeWith(["redis"], "a parser whose store takes nothing for a while", () => {
  const dir = privateStateDir("store-away");
  let redis: TestRedis;
  let store: StandInStore;
  let campaign: ParserCampaign | undefined;
  let parser: TestParser | undefined;
  beforeAll(async () => {
    redis = await startRedis(dir);
  });
  afterEach(async () => {
    await parser?.kill();
    await campaign?.close();
    await store.close();
  });
  afterAll(() => redis.stop());

  /** The load once it is on its way. */
  async function load(ids: Ids, name: string): Promise<ParserCampaign> {
    store = await startStandInStore();
    const id = `${name}-${ids}`;
    const standIn = { url: store.url, request: () => Promise.reject(new Error("it has no API")) };
    campaign = await createParserCampaign(id, join(dir, id), redis, standIn);
    const chunks = campaign.plainFile("a/syslog", syslogLines(LINES, "away"), CHUNK_BYTES);
    await campaign.addChunks(
      chunks.map((chunk) => ({ ...chunk, origin: { ...chunk.origin, ...(ids === "store" ? { ids } : {}) } })),
    );
    parser = await startParser({ dir: campaign.dir, campaign: id, redisPort: redis.port, parser: PARSER });
    await waitFor("the load to be on its way", async () => (await campaign!.parse.getCompletedCount()) > 2);
    return campaign;
  }
  async function expectEachLineOnce(loaded: ParserCampaign): Promise<void> {
    expect(await loaded.parse.getFailedCount()).toBe(0);
    const rows = await loaded.rows();
    expect(addUp(rows)).toMatchObject({ read: LINES, stored: LINES, rejected: 0 });
    const tags = rows.flatMap(({ tag }) => tag ?? []);
    const documents = store.documents(tags.length === 0 ? undefined : new Set(tags));
    expect(documents.size).toBe(LINES);
    expect([...documents.values()].every((count) => count === 1)).toBe(true);
    expect(store.mostOpenBytes).toBeLessThanOrEqual(MOST_OPEN);
  }
  const problems = (): readonly string[] =>
    parser?.reports.flatMap((report) => (report.type === "status" ? (report.problem ?? []) : [])) ?? [];

  it.each(IDS)("sends the same again after 429, however often, with ids: %s", async (ids) => {
    const loaded = await load(ids, "full");
    store.mood = 429;
    await waitFor("many refusals", () => store.bulks(429) >= 6);
    const given = await redis.client.hlen(loaded.keys.attempts);
    await waitFor("some more", () => store.bulks(429) >= 8);
    // No chunk is given up for it, and none is begun.
    expect(await redis.client.hlen(loaded.keys.attempts)).toBe(given);
    expect(await loaded.parse.getDelayedCount()).toBe(0);
    store.mood = "well";
    await loaded.settled(60_000);
    if (ids === "store") expect(await redis.client.hlen(loaded.keys.attempts)).toBe((await loaded.rows()).length);
    await expectEachLineOnce(loaded);
  });

  it.each<[Ids, StoreMood]>([
    ["derived", 503],
    ["store", 503],
    ["derived", "silent"],
    ["store", "silent"],
  ])("holds what it has, and begins nothing, with ids: %s, while it is %s", async (ids, mood) => {
    const loaded = await load(ids, String(mood));
    const begun = async (): Promise<number> =>
      (await redis.client.hlen(loaded.keys.attempts)) - (await loaded.parse.getCompletedCount());
    store.mood = mood;
    await waitFor("bulks without success", () => store.bulks(mood) >= 2);
    if (ids === "store" && mood === 503) {
      await waitFor("the parser to say that it cannot reach the store", () =>
        problems().some((problem) => problem.includes("503")),
      );
      // A look of its own told it so, at no chunk's cost.
      expect(await begun()).toBeLessThanOrEqual(PARSER.slots + 1);
      expect(await loaded.parse.getDelayedCount()).toBeLessThanOrEqual(PARSER.slots + 1);
    }
    const waiting = await loaded.parse.getWaitingCount();
    expect(waiting).toBeGreaterThan(0);
    store.mood = "well";
    store.cut();
    await loaded.settled(60_000);
    await expectEachLineOnce(loaded);
    // What was in work, and one to try it.
    if (ids === "store") expect(await begun()).toBeLessThanOrEqual(PARSER.slots + 1);
  });

  it.each(["drain", "stop"] as const)("ends at once while it rests, when it is told to %s", async (word) => {
    const loaded = await load("store", word);
    store.mood = 503;
    await waitFor("the parser to rest", () => problems().some((problem) => problem.includes("503")));
    parser?.send(word);
    expect(await parser?.exited).toBe(0);
    expect(await loaded.parse.getActiveCount()).toBe(0);
    expect(await loaded.parse.getFailedCount()).toBe(0);
  });

  it("tries one chunk at a time while all that it writes becomes uncertain", async () => {
    const loaded = await load("store", "lost");
    // It answers a look, and cuts every bulk.
    store.losesBulks = true;
    const uncommitted = async (): Promise<number> =>
      (await redis.client.hlen(loaded.keys.attempts)) - (await loaded.parse.getCompletedCount());
    await waitFor("three tries", async () => store.looks >= 3 && (await uncommitted()) >= 3);
    expect(await uncommitted()).toBeLessThanOrEqual(PARSER.slots + store.looks);
    const { active } = await loaded.parse.getJobCounts("active");
    expect(active).toBeLessThanOrEqual(PARSER.slots);
    expect(await loaded.parse.getWaitingCount()).toBeGreaterThan(0);
    store.losesBulks = false;
    await loaded.settled(60_000);
    await expectEachLineOnce(loaded);
    expect(await uncommitted()).toBeLessThanOrEqual(PARSER.slots + store.looks);
  });
});
