import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";
import { afterAll, expect, it } from "vitest";
import { redisOptions } from "../../orchestrator/services/index.ts";
import { writeRedisFiles } from "../../orchestrator/services/redis.ts";
import { freePort } from "../support/free-port.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";

describeWith(["redis"], "the embedded Redis, killed -9", () => {
  const dir = join(privateStateDir("redis-durability"), "redis");
  const admin = { username: "admin", password: "a-password" };
  let server: ChildProcess | undefined;
  afterAll(() => {
    server?.kill("SIGKILL");
  });

  async function start(port: number): Promise<Redis> {
    mkdirSync(dir, { recursive: true });
    server = spawn("redis-server", [writeRedisFiles(dir, port, admin)], { cwd: dir, stdio: "ignore" });
    const redis = new Redis({ ...redisOptions({ host: "127.0.0.1", port, ...admin }), lazyConnect: true });
    redis.on("error", () => undefined);
    await waitFor("Redis to answer", async () => (await redis.ping()) === "PONG");
    return redis;
  }

  it("keeps single commands, transactions and what scripts wrote; lets nobody in without a password", async () => {
    const port = await freePort();
    const before = await start(port);
    await before.set("single", "1");
    await before.multi().set("transaction:a", "1").set("transaction:b", "1").exec();
    await before.eval(
      "redis.call('SET', KEYS[1], '1') redis.call('RPUSH', KEYS[2], 'x', 'y')",
      2,
      "script:a",
      "script:b",
    );
    const ended = once(server ?? process, "exit");
    server?.kill("SIGKILL");
    await ended;
    before.disconnect();

    const after = await start(port);
    expect((await after.keys("*")).sort()).toEqual([
      "script:a",
      "script:b",
      "single",
      "transaction:a",
      "transaction:b",
    ]);
    after.disconnect();
    const stranger = new Redis({ port, lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null });
    stranger.on("error", () => undefined);
    await expect(stranger.ping()).rejects.toThrow(/NOAUTH/);
    stranger.disconnect();
  });
});
