import { Client, errors } from "@elastic/elasticsearch";
import type { CampaignContext } from "./context.ts";
import {
  loaderConnection,
  orchestratorConnection,
  type CampaignSecrets,
  type ElasticsearchConnection,
} from "./security/index.ts";

/** A snapshot or a restore of a large index answers late. */
const REQUEST_TIMEOUT_MS = 120_000;

function clientOf(connection: ElasticsearchConnection, requestTimeout: number): Client {
  const { tls } = connection;
  return new Client({
    node: connection.node,
    tls: {
      ca: tls.ca,
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    },
    auth: connection.auth,
    requestTimeout,
    maxRetries: 3,
  });
}

/** The orchestrator's client: through the proxy, with all rights. */
export function orchestratorClient(secrets: CampaignSecrets, url: string): Client {
  return clientOf(orchestratorConnection(secrets, url), REQUEST_TIMEOUT_MS);
}

/**
 * Whether the loader's credential is refused by each of these data nodes and, through the proxy, by the master. A node
 * that does not answer is one that might still take it, so it counts as not revoked.
 */
export async function loaderIsRevoked(ctx: CampaignContext, nodeUrls: readonly string[]): Promise<boolean> {
  const { secrets, gateway } = ctx;
  if (!secrets || !gateway) return false;
  const throughProxy = {
    ...orchestratorConnection(secrets, gateway.elasticsearchUrl),
    auth: loaderConnection(secrets, gateway.elasticsearchUrl).auth,
  };
  const connections = [throughProxy, ...nodeUrls.map((url) => loaderConnection(secrets, url))];
  return (await Promise.all(connections.map(isRefused))).every(Boolean);
}

async function isRefused(connection: ElasticsearchConnection): Promise<boolean> {
  const client = clientOf(connection, 10_000);
  try {
    await client.security.authenticate();
    return false;
  } catch (error) {
    return error instanceof errors.ResponseError && error.statusCode === 401;
  } finally {
    await client.close();
  }
}
