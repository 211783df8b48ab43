import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { acquireOwnership, type Ownership } from "../../orchestrator/ownership.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

describeWith(["redis"], "owning a campaign", () => {
  const dir = privateStateDir("ownership");
  const keys = campaignKeys("owned");
  let redis: TestRedis;
  let lost = false;
  let successor = false;
  const acquire = (force = false): Promise<Ownership> =>
    acquireOwnership(redis.client, { id: "owned", tag: "abcde" }, 0, {
      force,
      signal: new AbortController().signal,
      hasSuccessor: () => Promise.resolve(successor),
      onLost: () => (lost = true),
    });
  beforeAll(async () => {
    redis = await startRedis(dir);
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.client.flushall();
    lost = successor = false;
  });

  it("waits out a sign of life that nobody renews, and takes the next epoch", async () => {
    await redis.client.mset(keys.epoch, 4);
    await redis.client.set(keys.alive, 4, "PX", 1_200);
    const ownership = await acquire();
    expect(ownership.epoch).toBe(5);
    await ownership.release();
    expect(await redis.client.exists(keys.alive)).toBe(0);
  });

  it("leaves a campaign to an orchestrator that renews its own", async () => {
    const living = await acquire();
    await expect(acquire()).rejects.toMatchObject({ code: "CAMPAIGN_OWNED" });
    const forced = await acquire(true);
    expect(forced.epoch).toBe(living.epoch + 1);
    await waitFor("the first to see that it has lost", () => lost);
    expect(living.lost.aborted).toBe(true);
    await forced.release();
  });

  it("goes on when Redis lost its keys, unless the journal knows a later owner", async () => {
    const ownership = await acquire();
    await redis.client.del(keys.alive, keys.epoch);
    await waitFor("the keys to be there again", () => redis.client.exists(keys.alive, keys.epoch));
    successor = true;
    await redis.client.del(keys.alive, keys.epoch);
    await waitFor("it to be lost", () => lost);
    expect(await redis.client.exists(keys.alive, keys.epoch)).toBe(0);
    ownership.stop();
  });
});
