import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { configSchema } from "../../../../orchestrator/config-schema.ts";
import { operatorServices } from "../../../../orchestrator/services/operator.ts";
import { judgeRedis, readInfo } from "../../../../orchestrator/services/redis.ts";

function services(given: object) {
  return operatorServices(configSchema.parse({ services: given }));
}

describe("the operator's services in the configuration", () => {
  let dir: string;
  let passwordFile: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "gridharvest-operator-"));
    passwordFile = join(dir, "password");
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it("none: all are embedded", () => {
    expect(services({})).toEqual({});
  });

  it.each([
    ["secret\n", { password: "secret" }],
    ["grid:se:cret\n", { username: "grid", password: "se:cret" }],
  ])("reads the credential %j", (text, credential) => {
    writeFileSync(passwordFile, text);
    expect(services({ redis: { url: "redis://db.site", passwordFile } }).redis).toEqual({
      host: "db.site",
      port: 6379,
      ...credential,
    });
  });

  it("reads host:port of carbon and the URL of graphite-web", () => {
    expect(services({ graphite: { carbon: "[::1]:2004", web: "http://graphs/g/" } })).toEqual({
      carbon: { host: "::1", port: 2004 },
      graphiteWeb: { url: "http://graphs/g" },
    });
    expect(services({ graphite: { carbon: "metrics" } }).carbon).toEqual({ host: "metrics", port: 2003 });
  });

  it.each([
    [{ redis: { url: "db.site:6379" } }, "services.redis.url"],
    [{ redis: { url: "rediss://db.site" } }, "redis://"],
    [{ redis: { url: "redis://u:secret@db.site" } }, "passwordFile"],
    [{ redis: { url: "redis://db.site/3" } }, "database 0"],
    [{ redis: { passwordFile: "/nowhere" } }, "services.redis.url"],
    [{ redis: { url: "redis://db.site", passwordFile: "/nowhere" } }, "/nowhere"],
    [{ graphite: { web: "http://graphs" } }, "services.graphite.carbon"],
    [{ graphite: { carbon: "a b" } }, "services.graphite.carbon"],
    [{ graphite: { carbon: "a", web: "graphs" } }, "services.graphite.web"],
  ])("refuses %j naming the key, never a secret", (given, named) => {
    expect(() => services(given)).toThrow(expect.objectContaining({ code: "SERVICES_CONFIG" }));
    expect(() => services(given)).toThrow(named);
    expect(() => services(given)).not.toThrow("secret@");
  });
});

describe("judgeRedis", () => {
  const good = { version: "7.0.15", appendOnly: true, policy: "noeviction", fsync: "always" };

  it.each([
    [good, []],
    [{ ...good, policy: "allkeys-lru" }, ["REDIS_EVICTS"]],
    [{ ...good, appendOnly: false }, ["REDIS_NOT_DURABLE"]],
    [{ ...good, version: "6.2.1" }, ["REDIS_TOO_OLD"]],
    [{ ...good, policy: "volatile-ttl", appendOnly: false }, ["REDIS_EVICTS", "REDIS_NOT_DURABLE"]],
  ])("%j", (facts, codes) => {
    expect(judgeRedis(facts).map((fault) => fault.code)).toEqual(codes);
  });

  it("reads INFO as Redis prints it", () => {
    expect(
      readInfo("# Server\r\nredis_version:7.0.15\r\n# Persistence\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n"),
    ).toEqual({ version: "7.0.15", appendOnly: true, policy: "noeviction" });
  });
});
