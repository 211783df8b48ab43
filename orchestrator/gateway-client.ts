import { Client } from "@elastic/elasticsearch";
import { StoreError } from "../worker/contract/errors.ts";
import { parseJson } from "../worker/contract/json.ts";
import { until, type CampaignContext } from "./context.ts";
import { gatewayReportSchema, REPORTED_MASTER, type GatewayReport } from "./gateway/index.ts";
import { orchestratorConnection, type CampaignSecrets } from "./security/index.ts";

/** A snapshot or a restore of a large index answers late. */
const REQUEST_TIMEOUT_MS = 120_000;

/** The orchestrator's client: through the proxy, with all rights. */
export function orchestratorClient(secrets: CampaignSecrets, url: string): Client {
  const { node, tls, auth } = orchestratorConnection(secrets, url);
  return new Client({
    node,
    tls: {
      ca: tls.ca,
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    },
    auth,
    requestTimeout: REQUEST_TIMEOUT_MS,
    maxRetries: 3,
  });
}

/** A file realm is read again every 5 s; a busy node takes longer. */
const REVOKE_PATIENCE_MS = 180_000;

/** What the gateway's supervisor told last; undefined when it has said nothing for a while. */
export async function gatewayReport(ctx: Pick<CampaignContext, "redis" | "keys">): Promise<GatewayReport | undefined> {
  const text = await ctx.redis.get(ctx.keys.gatewayReport);
  return text === null ? undefined : gatewayReportSchema.safeParse(parseJson(text)).data;
}

/**
 * Waits until each of these data nodes (job name → address) and the master refuse the loader's credential. The gateway's
 * supervisor asks them, since the orchestrator may not reach nodes; one that did not answer it might still take the credential, so it
 * counts as not revoked.
 * @throws StoreError `NOT_REVOKED` naming those that do not refuse it in time; the signal's reason when aborted
 */
export async function untilLoaderIsRevoked(
  ctx: Pick<CampaignContext, "redis" | "keys">,
  nodes: ReadonlyMap<string, string>,
  signal: AbortSignal,
  patienceMs: number = REVOKE_PATIENCE_MS,
): Promise<void> {
  const all = new Map([["the gateway's master", REPORTED_MASTER], ...nodes]);
  const giveUpAt = Date.now() + patienceMs;
  await until(async () => {
    const refusedBy = (await gatewayReport(ctx))?.loaderRefusedBy ?? [];
    const left = [...all].filter(([, who]) => !refusedBy.includes(who)).map(([name]) => name);
    if (left.length > 0 && Date.now() > giveUpAt) {
      throw new StoreError(
        "NOT_REVOKED",
        `the loader's credential is revoked, and after ${String(patienceMs / 1000)} s these do not refuse it: ${left.join(", ")}; documents could still come, so nothing is counted. Look at their logs, then verify again`,
      );
    }
    return left.length === 0;
  }, signal);
}
