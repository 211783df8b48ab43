import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { ConfigError, describeError, StoreError } from "../worker/contract/errors.ts";
import { aclRules, campaignKeys, REDIS_ROLES, SITE_SHARES, type RedisRole } from "../worker/contract/keys.ts";

/** The Redis user of a role in a campaign. */
export function redisUserName(campaign: string, role: RedisRole): string {
  return `gh-${campaign}-${role}`;
}

/** A password as Redis keeps it: SHA-256, in hex. The passwords are random, so nothing more is needed. @source ACL SETUSER, "#<hash>" */
export function redisPasswordHash(password: string): string {
  return createHash("sha256").update(password).digest("hex");
}

/** SHA-256 of each role's password. */
export type RedisPasswordHashes = Readonly<Record<RedisRole, string>>;

/**
 * Makes one Redis user per role, whose rules reach the campaign's own keys only. Redis is told the passwords' hashes, so
 * that they stand neither in `MONITOR` nor in its files.
 * @param redis as a user with the ACL category @admin
 * @throws StoreError `REDIS_ACL` when the site's Redis does not let us
 */
export async function makeRedisUsers(redis: Redis, campaign: string, hashes: RedisPasswordHashes): Promise<void> {
  try {
    for (const role of REDIS_ROLES) {
      const rules = ["reset", "on", `#${hashes[role]}`, ...aclRules(campaign, role)];
      await redis.call("ACL", "SETUSER", redisUserName(campaign, role), ...rules);
    }
  } catch (error) {
    // What Redis itself answers stays as it is; a lost connection comes back.
    const refused = error instanceof Error && error.name === "ReplyError";
    throw new StoreError(
      "REDIS_ACL",
      `cannot make the Redis users of the campaign: ${describeError(error)}; the configured user needs the ACL category @admin`,
      { retryable: !refused, cause: error },
    );
  }
  // Redis forgets users at a restart unless it has an ACL file.
  await redis.call("ACL", "SAVE").catch(() => undefined);
}

/** Whether Redis knows the users of the campaign: one that was restarted without an ACL file does not. */
export async function hasRedisUsers(redis: Redis, campaign: string): Promise<boolean> {
  const users = (await redis.call("ACL", "USERS")) as string[];
  return REDIS_ROLES.every((role) => users.includes(redisUserName(campaign, role)));
}

/**
 * Claims a campaign's name in a Redis that others may share, for good: until `forgetCampaign`.
 * @param tag tells this campaign from another of the same name
 * @throws ConfigError `CAMPAIGN_EXISTS` when another one has the name
 */
export async function claimCampaign(redis: Redis, campaign: string, tag: string): Promise<void> {
  const { identity } = campaignKeys(campaign);
  if ((await redis.set(identity, tag, "NX")) === "OK" || (await redis.get(identity)) === tag) return;
  throw campaignNameTaken(campaign);
}

export function campaignNameTaken(campaign: string): ConfigError {
  return new ConfigError(
    "CAMPAIGN_EXISTS",
    `another campaign named ${campaign}, with another state directory, uses the site's Redis; choose another --name`,
  );
}

/** Removes all keys and users of a campaign; those of another of the same name stay. Any number of times. */
export async function forgetCampaign(redis: Redis, campaign: string, tag: string): Promise<void> {
  const holder = await redis.get(campaignKeys(campaign).identity);
  if (holder !== null && holder !== tag) return;
  for (const role of REDIS_ROLES) await redis.call("ACL", "DELUSER", redisUserName(campaign, role));
  await redis.call("ACL", "SAVE").catch(() => undefined);
  await redis.hdel(SITE_SHARES, campaign);
  const pattern = campaignKeys(campaign).everything.replaceAll(/[[\]?\\]/g, "\\$&");
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", pattern, "COUNT", 1000);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== "0");
}
