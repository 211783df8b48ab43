import type { RedisOptions } from "ioredis";
import type { CarbonTarget, WebTarget } from "../monitoring/index.ts";
import { GridError } from "../worker/contract/errors.ts";
import type { CampaignRecord } from "./campaign-store.ts";
import type { Config } from "./config-schema.ts";
import { gatewayState, readGatewaySpec, type GatewayState } from "./gateway/index.ts";
import type { CampaignPaths, StatePaths } from "./paths.ts";
import { redisUserName } from "./redis-users.ts";
import { loadCampaignSecrets, type CampaignSecrets } from "./security/index.ts";
import { readServices, redisOptions, type EmbeddedName } from "./services/index.ts";

/**
 * How this process reaches the services of a site: the one place that decides it. On loopback directly, with the site's own
 * credentials; otherwise through the outside leg of the campaign's proxy, as the campaign's orchestrator: a client certificate, and
 * a Redis user that has the campaign's keys and nothing else. Nodes never come by here; they have the nodes' leg.
 */
export interface AccessPath {
  /** For ioredis and BullMQ. Holds a password: never log it. */
  readonly redis: RedisOptions;
  readonly carbon: CarbonTarget;
  /** Absent where the site has none. */
  readonly graphiteWeb?: WebTarget;
}

/** Whether everything is reached through the proxy. */
export function isBehindProxy(config: Pick<Config, "network">): boolean {
  return config.network.provider !== "loopback";
}

/**
 * @param needed which services must run: who only tells or ends something needs Redis alone
 * @throws ConfigError `SERVICES_DOWN`
 */
export async function directAccess(
  config: Config,
  state: StatePaths,
  needed?: readonly EmbeddedName[],
): Promise<AccessPath> {
  const { redis, carbon, graphiteWeb } = await readServices(config, state, needed);
  return { redis: redisOptions(redis), carbon, ...(graphiteWeb ? { graphiteWeb } : {}) };
}

export function accessThroughProxy(secrets: CampaignSecrets, { outside }: GatewayState): AccessPath {
  const tls = {
    ca: secrets.authorities.http.certificate,
    cert: secrets.orchestratorClient.certificate,
    key: secrets.orchestratorClient.key,
  };
  const username = redisUserName(secrets.campaign, "orchestrator");
  const password = secrets.redisPasswords.orchestrator;
  return {
    redis: { ...redisOptions({ ...outside.redis, username, password }), tls },
    carbon: { ...outside.carbon, tls },
    ...(outside.graphiteWebUrl === undefined ? {} : { graphiteWeb: { url: outside.graphiteWebUrl, tls } }),
  };
}

/**
 * The path for a command about a campaign that has booted.
 * @param needed see `directAccess`
 * @throws ConfigError `SERVICES_DOWN`; GridError `SECRETS_MISSING`, `GATEWAY_DOWN` before it booted and after its teardown
 */
export async function campaignAccess(
  campaign: { readonly record: CampaignRecord; readonly paths: CampaignPaths; readonly state: StatePaths },
  needed?: readonly EmbeddedName[],
): Promise<AccessPath> {
  const { record, paths, state } = campaign;
  if (!isBehindProxy(record.config)) return await directAccess(record.config, state, needed);
  const secrets = await loadCampaignSecrets(paths.secrets);
  const spec = await readGatewaySpec(paths.gateway);
  if (!spec) {
    throw new GridError("GATEWAY_DOWN", `the gateway of ${record.id} is not up yet; try again`, { retryable: true });
  }
  return accessThroughProxy(secrets, gatewayState(spec));
}
