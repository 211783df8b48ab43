import { createHash } from "node:crypto";
import { join } from "node:path";
import { Redis } from "ioredis";

import { renderTemplate } from "../../templates/render.ts";
import { ConfigError, describeError, StoreError } from "../../worker/contract/errors.ts";
import { redisOptions, type RedisEndpoint } from "./endpoints.ts";
import { readIfThere, writeWhole, type RedisAdmin } from "./record.ts";

/** ACL patterns that tell reading from writing (`%R~`) came with Redis 7. */
const LEAST_MAJOR = 7;
const ANSWER_MS = 2_000;

/** Files of the embedded Redis. The configuration is made anew; of the users only the site's administrator is set right. */
export function writeRedisFiles(dir: string, port: number, admin: RedisAdmin): string {
  const aclFile = join(dir, "users.acl");
  const ours = [
    // Off, so nobody can be it; but Redis reads its append-only file as this user, and drops every transaction in it
    // that the user may not do (seen with 7.0.15: everything that scripts had written was gone after a restart).
    "user default off resetpass ~* &* +@all",
    `user ${admin.username} on sanitize-payload #${createHash("sha256").update(admin.password).digest("hex")} ~* &* +@all`,
  ];
  // Users of campaigns that are under way stay: they were written by ACL SAVE.
  const others = (readIfThere(aclFile) ?? "")
    .split("\n")
    .filter((line) => line.startsWith("user ") && !["default", admin.username].includes(line.split(" ")[1] ?? ""));
  writeWhole(aclFile, [...ours, ...others].map((line) => `${line}\n`).join(""));
  const configFile = join(dir, "redis.conf");
  writeWhole(configFile, renderTemplate("templates/services/redis.conf.tmpl", { port, dir, aclFile }));
  return configFile;
}

/**
 * Whether the embedded Redis works: `"busy"` while it reads its append-only file.
 * @throws StoreError `REDIS_DENIED` when something answers that does not know the site's administrator
 */
export async function probeRedis(endpoint: RedisEndpoint): Promise<boolean | "busy"> {
  const redis = new Redis({
    ...redisOptions(endpoint),
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    retryStrategy: () => null,
  });
  redis.on("error", () => {});
  // Whatever state a dying server leaves the connection in: the question ends.
  const giveUp = setTimeout(() => redis.disconnect(), 2 * ANSWER_MS);
  try {
    await redis.connect();
    return (await redis.ping()) === "PONG";
  } catch (error) {
    const text = describeError(error);
    if (/LOADING|BUSY/.test(text)) return "busy";
    if (/WRONGPASS|NOAUTH|NOPERM/.test(text)) throw denied(endpoint, error);
    return false;
  } finally {
    clearTimeout(giveUp);
    redis.disconnect();
  }
}

/** What `INFO` says of the settings that we depend on. */
interface RedisFacts {
  readonly version: string;
  readonly appendOnly: boolean;
  readonly policy: string;
  /** `always`, `everysec`, `no`; undefined when the user may not ask. */
  readonly fsync: string | undefined;
  /** Where it keeps its users; empty when nowhere; undefined when the user may not ask. */
  readonly aclFile: string | undefined;
}

/** What speaks against using a Redis, worst first; empty when nothing does. Pure. */
export function judgeRedis(
  facts: Omit<RedisFacts, "aclFile">,
): readonly { readonly code: string; readonly text: string }[] {
  const faults: { code: string; text: string }[] = [];
  if (Number.parseInt(facts.version, 10) < LEAST_MAJOR) {
    faults.push({
      code: "REDIS_TOO_OLD",
      text: `is version ${facts.version}; install Redis ${String(LEAST_MAJOR)} or newer`,
    });
  }
  if (facts.policy !== "noeviction") {
    faults.push({
      code: "REDIS_EVICTS",
      text: `may evict keys (maxmemory-policy ${facts.policy}), and an evicted key is a lost chunk; set maxmemory-policy noeviction in its redis.conf, or give gridharvest a Redis of its own`,
    });
  }
  if (!facts.appendOnly) {
    faults.push({
      code: "REDIS_NOT_DURABLE",
      text: "keeps no append-only file, so a crash loses the spool; set appendonly yes and appendfsync always in its redis.conf",
    });
  }
  return faults;
}

/**
 * Looks at the operator's Redis before anything depends on it.
 * @returns what should be known of it, each with what helps after a semicolon
 * @throws StoreError `REDIS_UNREACHABLE`; ConfigError `REDIS_DENIED`, `REDIS_TOO_OLD`, `REDIS_EVICTS`, `REDIS_NOT_DURABLE`
 */
export async function checkOperatorRedis(endpoint: RedisEndpoint): Promise<readonly string[]> {
  const where = `the Redis at ${endpoint.host}:${String(endpoint.port)}`;
  const redis = new Redis({
    ...redisOptions(endpoint),
    lazyConnect: true,
    enableReadyCheck: false,
    connectTimeout: 5_000,
    commandTimeout: 10_000,
    retryStrategy: () => null,
  });
  let lastError: unknown;
  redis.on("error", (error) => {
    lastError = error;
  });
  let facts: RedisFacts;
  try {
    await redis.connect();
    const info = await redis.info();
    // Roles of campaigns become users of this Redis: the right to make them shows in the right to list them.
    await redis.call("ACL", "LIST");
    facts = {
      ...readInfo(info),
      fsync: await askSetting(redis, "appendfsync"),
      aclFile: await askSetting(redis, "aclfile"),
    };
  } catch (error) {
    const text = describeError(lastError ?? error);
    if (/WRONGPASS|NOAUTH|NOPERM/.test(`${text} ${describeError(error)}`)) throw denied(endpoint, lastError ?? error);
    throw new StoreError(
      "REDIS_UNREACHABLE",
      `${where} cannot be used: ${text}; see services.redis.url, or leave it out for the embedded one`,
      { retryable: true, context: { host: endpoint.host, port: endpoint.port }, cause: error },
    );
  } finally {
    redis.disconnect();
  }
  const fault = judgeRedis(facts)[0];
  if (fault) {
    throw new ConfigError(fault.code, `${where} ${fault.text}`, {
      context: { host: endpoint.host, port: endpoint.port },
    });
  }
  const remarks: string[] = [];
  if (facts.fsync !== undefined && facts.fsync !== "always") {
    remarks.push(
      `${where} syncs its file ${facts.fsync}: a crash of its machine can make chunks be done again; appendfsync always prevents that`,
    );
  }
  if (facts.aclFile === "") {
    remarks.push(
      `${where} keeps its users in no file (aclfile): when it is started again, a campaign's nodes are locked out for some seconds, until the gateway has made their users again`,
    );
  }
  return remarks;
}

/** Reads `INFO`. Exported for its test. */
export function readInfo(info: string): Omit<RedisFacts, "fsync" | "aclFile"> {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
  return {
    version: field("redis_version") ?? "unknown",
    appendOnly: field("aof_enabled") === "1",
    policy: field("maxmemory_policy") ?? "unknown",
  };
}

async function askSetting(redis: Redis, name: string): Promise<string | undefined> {
  try {
    const answer = await redis.call("CONFIG", "GET", name);
    return Array.isArray(answer) && typeof answer[1] === "string" ? answer[1] : undefined;
  } catch {
    return undefined;
  }
}

function denied(endpoint: RedisEndpoint, cause: unknown): ConfigError {
  return new ConfigError(
    "REDIS_DENIED",
    `the Redis at ${endpoint.host}:${String(endpoint.port)} refuses user ${endpoint.username ?? "default"}: ${describeError(cause)}; services.redis.passwordFile must hold a user with all commands, ACL included`,
    { context: { host: endpoint.host, port: endpoint.port } },
  );
}
