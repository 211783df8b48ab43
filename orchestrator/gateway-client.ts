import { Client, errors } from "@elastic/elasticsearch";
import { GridError, StoreError } from "../worker/contract/errors.ts";
import { until, type CampaignContext } from "./context.ts";
import {
  loaderConnection,
  orchestratorConnection,
  type CampaignSecrets,
  type ElasticsearchConnection,
} from "./security/index.ts";

/** A snapshot or a restore of a large index answers late. */
const REQUEST_TIMEOUT_MS = 120_000;

function clientOf(connection: ElasticsearchConnection, requestTimeout: number, maxRetries: number): Client {
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
    maxRetries,
  });
}

/** The orchestrator's client: through the proxy, with all rights. */
export function orchestratorClient(secrets: CampaignSecrets, url: string): Client {
  return clientOf(orchestratorConnection(secrets, url), REQUEST_TIMEOUT_MS, 3);
}

/** A file realm is read again every 5 s; a busy node takes longer. */
const REVOKE_PATIENCE_MS = 180_000;

/**
 * Waits until each of these data nodes (job name → address) and, through the proxy, the master refuse the loader's credential. A node that
 * does not answer is one that might still take it, so it counts as not revoked.
 * @throws StoreError `NOT_REVOKED` naming those that do not refuse it in time; the signal's reason when aborted
 */
export async function untilLoaderIsRevoked(
  ctx: Pick<CampaignContext, "secrets" | "gateway">,
  nodes: ReadonlyMap<string, string>,
  signal: AbortSignal,
  patienceMs: number = REVOKE_PATIENCE_MS,
): Promise<void> {
  const { secrets, gateway } = ctx;
  if (!secrets || !gateway) throw new GridError("GATEWAY_DOWN", "the gateway of this campaign is not up");
  const throughProxy = {
    ...orchestratorConnection(secrets, gateway.elasticsearchUrl),
    auth: loaderConnection(secrets, gateway.elasticsearchUrl).auth,
  };
  const left = new Map([["the gateway's master", throughProxy]]);
  for (const [name, url] of nodes) left.set(name, loaderConnection(secrets, url));
  const giveUpAt = Date.now() + patienceMs;
  await until(async () => {
    await Promise.all(
      [...left].map(async ([name, connection]) => {
        if (await isRefused(connection)) left.delete(name);
      }),
    );
    if (left.size > 0 && Date.now() > giveUpAt) {
      throw new StoreError(
        "NOT_REVOKED",
        `the loader's credential is revoked, and after ${String(patienceMs / 1000)} s these do not refuse it: ${[...left.keys()].join(", ")}; documents could still come, so nothing is counted. Look at their logs, then verify again`,
      );
    }
    return left.size === 0;
  }, signal);
}

async function isRefused(connection: ElasticsearchConnection): Promise<boolean> {
  // Whoever asks comes again.
  const client = clientOf(connection, 10_000, 0);
  try {
    await client.security.authenticate();
    return false;
  } catch (error) {
    return error instanceof errors.ResponseError && error.statusCode === 401;
  } finally {
    await client.close();
  }
}
