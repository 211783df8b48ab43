import type { Redis } from "ioredis";
import { aclRules, NODE_ROLES, type NodeRole } from "../worker/contract/keys.ts";
import { describeError, StoreError } from "../worker/contract/errors.ts";

/** The Redis user of a role in a campaign. */
export function redisUserName(campaign: string, role: NodeRole): string {
  return `gh-${campaign}-${role}`;
}

/**
 * Makes one Redis user per role, whose rules reach the campaign's own keys only.
 * @throws StoreError `REDIS_ACL` when the site's Redis does not let us
 */
export async function createRedisUsers(
  redis: Redis,
  campaign: string,
  passwords: Readonly<Record<NodeRole, string>>,
): Promise<void> {
  try {
    for (const role of NODE_ROLES) {
      await redis.call(
        "ACL",
        "SETUSER",
        redisUserName(campaign, role),
        "reset",
        "on",
        `>${passwords[role]}`,
        ...aclRules(campaign, role),
      );
    }
  } catch (error) {
    throw new StoreError(
      "REDIS_ACL",
      `cannot make Redis users for the nodes: ${describeError(error)}; the configured user needs the ACL category @admin`,
      { cause: error },
    );
  }
  // Redis forgets users at a restart unless it has an ACL file.
  await redis.call("ACL", "SAVE").catch(() => undefined);
}
