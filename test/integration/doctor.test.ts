import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../../orchestrator/config.ts";
import { CHECKS, diagnose, type Diagnosis } from "../../orchestrator/doctor.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { makeRules } from "../../worker/pipeline/make-rules.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

/** Doctor asks the operator's Redis what launch asks it. */
describeWith(["redis"], "doctor and the operator's Redis", () => {
  const stateDir = privateStateDir("doctor");
  let redis: TestRedis;
  beforeAll(async () => {
    const aclfile = join(stateDir, "users.acl");
    writeFileSync(aclfile, "user default on nopass ~* &* +@all\n");
    redis = await startRedis(stateDir, { aclfile });
  });
  afterAll(() => redis.stop());

  const find = async (): Promise<Diagnosis | undefined> => {
    const values = { stateDir, "services.redis.url": `redis://127.0.0.1:${String(redis.port)}` };
    const overrides = Object.fromEntries(
      Object.entries(values).map(([path, value]) => [path, { flag: "--set", value }]),
    );
    const resolved = await loadConfig({ env: {}, overrides, cwd: stateDir });
    const context = { resolved, paths: statePaths(stateDir), makeRules, signal: new AbortController().signal };
    return (
      await diagnose(
        context,
        CHECKS.filter(({ name }) => name === "Redis"),
      )
    )[0];
  };

  it("finds one that is fit", async () => {
    expect(await find()).toMatchObject({ level: "ok" });
  });

  it("warns of one that may repeat work after a crash", async () => {
    await redis.client.config("SET", "appendfsync", "everysec");
    expect(await find()).toMatchObject({
      level: "warning",
      text: expect.stringContaining("appendfsync always") as string,
    });
    await redis.client.config("SET", "appendfsync", "always");
  });

  it("refuses one that evicts keys", async () => {
    await redis.client.config("SET", "maxmemory-policy", "allkeys-lru");
    expect(await find()).toMatchObject({
      level: "missing",
      text: expect.stringContaining("may evict keys") as string,
      remedy: expect.stringContaining("maxmemory-policy noeviction") as string,
    });
    await redis.client.config("SET", "maxmemory-policy", "noeviction");
  });

  it("refuses one that does not answer, naming its option", async () => {
    await redis.kill();
    expect(await find()).toMatchObject({
      level: "missing",
      text: expect.stringContaining("ECONNREFUSED") as string,
      remedy: expect.stringContaining("services.redis.url") as string,
    });
  });
});
