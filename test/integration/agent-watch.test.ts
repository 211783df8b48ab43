import { afterAll, beforeAll, expect, it } from "vitest";
import { Life } from "../../worker/agent/life.ts";
import { watchControl } from "../../worker/agent/watch.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import type { NodeSpec } from "../../worker/contract/node.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

describeWith(["redis"], "an agent that watches what the orchestrator says", () => {
  const dir = privateStateDir("agent-watch");
  const keys = campaignKeys("watched");
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis(dir);
  });
  afterAll(() => redis.stop());

  it("hears that the loader's credential is revoked, and that it holds again", async () => {
    const ended = new AbortController();
    const heard: boolean[] = [];
    const watched = watchControl({
      spec: { jobName: "d1", orphanGraceSeconds: 4 } as NodeSpec,
      keys,
      redis: () => redis.client,
      life: new Life(),
      instance: () => undefined,
      onLoader: (revoked) => heard.push(revoked),
      log: () => undefined,
      signal: ended.signal,
    });
    await redis.client.set(keys.alive, "1");
    for (const [value, word] of [
      ["revoked", true],
      [undefined, false],
      ["revoked", true],
    ] as const) {
      if (value === undefined) await redis.client.del(keys.loaderCredential);
      else await redis.client.set(keys.loaderCredential, value);
      await waitFor("the agent to hear of it", () => heard.at(-1) === word);
    }
    expect(heard).toEqual([true, false, true]);
    ended.abort();
    await watched;
  });
});
