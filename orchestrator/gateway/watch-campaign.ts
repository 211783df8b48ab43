import { existsSync } from "node:fs";
import { Redis } from "ioredis";
import { httpsStatus } from "../../worker/contract/elasticsearch-process.ts";
import { BackfillError, describeError } from "../../worker/contract/errors.ts";
import { parseJson } from "../../worker/contract/json.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { nodeRegistrationSchema } from "../../worker/contract/node.ts";
import { pause } from "../../worker/contract/pause.ts";
import type { Log } from "../log.ts";
import { claimCampaign, hasRedisUsers, makeRedisUsers } from "../redis-users.ts";
import type { GatewaySecrets } from "../security/index.ts";
import { redisOptions, type RedisEndpoint } from "../services/index.ts";
import { gatewayFiles, revokeLoader } from "./provision.ts";
import type { SiteServices } from "./site-services.ts";
import type { GatewayReport, GatewaySpec } from "./state.ts";

/** How often Redis is looked at, at most. */
const LOOK_MS = 2_000;
/** While nodes are asked whether they still take the loader's credential. */
const REVOKING_LOOK_MS = 500;
/** A report that nobody renews is gone after this. */
const REPORT_MS = 15_000;
/** How the master is called in the report. */
export const REPORTED_MASTER = "master";

export interface WatchOptions {
  readonly dir: string;
  readonly spec: GatewaySpec;
  readonly secrets: GatewaySecrets;
  readonly site: SiteServices;
  readonly log: Log;
  /** Called once the users of the campaign stand in Redis. */
  readonly onUsersMade: () => void;
  /** Called at every look. */
  readonly onLook: () => Promise<void>;
  /** Called when nobody is alive any more. */
  readonly onAbandoned: (why: string) => void;
}

/**
 * The gateway's eye on a campaign's keys, until the signal aborts. As the site's administrator in Redis it makes the campaign's
 * users, also again when Redis lost them; it ends the gateway that nobody shows a sign of life for; it takes the revoked loader
 * out of the master's realm and asks every data node and the master whether they refuse it; and it reports.
 * @throws StoreError `REDIS_ACL` when the site's administrator may not make users; ConfigError `CAMPAIGN_EXISTS` when another campaign
 *   has the name in this Redis
 */
export async function watchCampaign(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const { dir, spec, secrets, site, log } = options;
  const keys = campaignKeys(spec.campaign);
  const graceMs = spec.orphanGraceSeconds * 1000;
  const refusedBy = new Set<string>();
  let endpoint = site.current().redis;
  let redis = connect(endpoint);
  let lastSign = performance.now();
  let unreachable = false;
  let usersMade = false;
  let revoked = existsSync(gatewayFiles(dir).revoked);

  const look = async (): Promise<void> => {
    if (!usersMade || !(await hasRedisUsers(redis, spec.campaign))) {
      if (usersMade) log.warn("Redis has lost the users of this campaign; they are made again");
      await claimCampaign(redis, spec.campaign, spec.tag);
      await makeRedisUsers(redis, spec.campaign, secrets.redisPasswordHashes);
      usersMade = true;
      options.onUsersMade();
    }
    const [alive, credential] = await redis.mget(keys.alive, keys.loaderCredential);
    if (alive !== null) lastSign = performance.now();
    if (credential === "revoked") {
      if (!revoked) {
        await revokeLoader(dir, spec, secrets);
        revoked = true;
        log.info("the loader's credential is revoked on the master");
      }
      for (const who of await askWhoRefuses(redis)) refusedBy.add(who);
    } else {
      // The load goes on: data nodes take it again. Nobody loads through the master, which goes on refusing.
      for (const who of refusedBy) if (who !== REPORTED_MASTER) refusedBy.delete(who);
    }
    const report: GatewayReport = { at: Date.now(), loaderRefusedBy: [...refusedBy], repairs: site.repairs() };
    await redis.set(keys.gatewayReport, JSON.stringify(report), "PX", REPORT_MS);
  };

  /** The data nodes that are registered, and the master, which were not seen to refuse before and do so now. */
  const askWhoRefuses = async (admin: Redis): Promise<readonly string[]> => {
    const all: (readonly [who: string, url: string])[] = spec.elasticsearch
      ? [[REPORTED_MASTER, `https://127.0.0.1:${String(spec.ports.masterHttp)}`]]
      : [];
    for (const text of Object.values(await admin.hgetall(keys.nodes))) {
      const node = nodeRegistrationSchema.safeParse(parseJson(text)).data;
      if (node?.httpUrl !== undefined) all.push([node.httpUrl, node.httpUrl]);
    }
    const asked = all.filter(([who]) => !refusedBy.has(who));
    const statuses = await Promise.all(asked.map(([, url]) => loaderStatus(url, secrets)));
    // A node that does not answer is one that might still take it.
    return asked.flatMap(([who], i) => (statuses[i] === 401 ? [who] : []));
  };

  try {
    while (!signal.aborted) {
      await site.refresh();
      if (site.current().redis !== endpoint) {
        redis.disconnect();
        endpoint = site.current().redis;
        redis = connect(endpoint);
      }
      try {
        await look();
        if (unreachable) log.info("Redis answers again");
        unreachable = false;
      } catch (error) {
        if (error instanceof BackfillError && !error.retryable) throw error;
        if (!unreachable) log.warn("cannot look at Redis", { error: describeError(error) });
        unreachable = true;
      }
      await options.onLook();
      if (performance.now() - lastSign > graceMs) {
        options.onAbandoned(`no sign of life from an orchestrator for ${String(spec.orphanGraceSeconds)} s`);
        return;
      }
      await pause(Math.min(revoked ? REVOKING_LOOK_MS : LOOK_MS, graceMs / 4), signal);
    }
  } finally {
    redis.disconnect();
  }
}

function connect(endpoint: RedisEndpoint): Redis {
  const redis = new Redis({
    ...redisOptions(endpoint),
    // A look that gets no answer is repeated: it must not wait for Redis to come back.
    maxRetriesPerRequest: 1,
    commandTimeout: LOOK_MS,
  });
  return redis.on("error", () => undefined);
}

/** How an Elasticsearch node answers the loader's credential. */
function loaderStatus(url: string, secrets: GatewaySecrets): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  return httpsStatus({
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
    authority: secrets.httpAuthority,
    auth: secrets.loader,
    path: "/_security/_authenticate",
  });
}
