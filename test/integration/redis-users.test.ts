import { afterAll, beforeAll, expect, it } from "vitest";
import { acquireOwnership } from "../../orchestrator/ownership.ts";
import {
  claimCampaign,
  forgetCampaign,
  hasRedisUsers,
  makeRedisUsers,
  redisPasswordHash,
  redisUserName,
} from "../../orchestrator/redis-users.ts";
import { campaignKeys, REDIS_ROLES } from "../../worker/contract/keys.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

describeWith(["redis"], "a campaign in a Redis that others share", () => {
  const dir = privateStateDir("redis-users");
  const passwords = { "es-data": "data-secret", parser: "parser-secret", orchestrator: "orchestrator-secret" };
  const hashes = {
    "es-data": redisPasswordHash(passwords["es-data"]),
    parser: redisPasswordHash(passwords.parser),
    orchestrator: redisPasswordHash(passwords.orchestrator),
  };
  const keys = campaignKeys("month");
  let server: TestRedis;
  beforeAll(async () => {
    server = await startRedis(dir);
  });
  afterAll(() => server.stop());

  it("gets users whose passwords Redis is never told", async () => {
    const seen: string[] = [];
    const monitor = await server.client.duplicate().monitor();
    monitor.on("monitor", (_time: string, args: readonly string[]) => seen.push(args.join(" ")));
    expect(await hasRedisUsers(server.client, "month")).toBe(false);
    await makeRedisUsers(server.client, "month", hashes);
    expect(await hasRedisUsers(server.client, "month")).toBe(true);
    await server.client.echo("the last");
    await waitFor("the monitor", () => seen.some((line) => line.includes("the last")));
    monitor.disconnect();
    const told = [...seen, ...((await server.client.call("ACL", "LIST")) as string[])].join("\n");
    for (const role of REDIS_ROLES) {
      expect(told).not.toContain(passwords[role]);
      expect(told).toContain(hashes[role]);
      const username = redisUserName("month", role);
      const client = server.client.duplicate({ username, password: passwords[role] });
      expect(await client.get(keys.alive)).toBeNull();
      await expect(client.get("gh:other:control:alive")).rejects.toThrow(/NOPERM/);
      client.disconnect();
    }
  });

  it("has its name for itself until it is forgotten", async () => {
    await claimCampaign(server.client, "month", "aaaaa");
    await claimCampaign(server.client, "month", "aaaaa");
    await expect(claimCampaign(server.client, "month", "bbbbb")).rejects.toMatchObject({ code: "CAMPAIGN_EXISTS" });
    const acquire = (tag: string, force: boolean) =>
      acquireOwnership(server.client, { id: "month", tag }, 0, {
        force,
        signal: new AbortController().signal,
        hasSuccessor: () => Promise.resolve(false),
        onLost: () => undefined,
      });
    await expect(acquire("bbbbb", true)).rejects.toMatchObject({ code: "CAMPAIGN_EXISTS" });
    const ours = await acquire("aaaaa", false);
    ours.stop();
    expect(ours.epoch).toBe(1);

    // Somebody else's campaign of this name, which ended long ago, is swept: ours stays.
    await forgetCampaign(server.client, "month", "bbbbb");
    expect(await hasRedisUsers(server.client, "month")).toBe(true);
    expect(await server.client.get(keys.epoch)).toBe("1");

    await forgetCampaign(server.client, "month", "aaaaa");
    await forgetCampaign(server.client, "month", "aaaaa");
    expect(await hasRedisUsers(server.client, "month")).toBe(false);
    expect(await server.client.keys(keys.everything)).toEqual([]);
    await claimCampaign(server.client, "month", "bbbbb");
  });
});
