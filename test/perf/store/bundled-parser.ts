import type { Config } from "../../../orchestrator/config-schema.ts";
import { createLog } from "../../../orchestrator/log.ts";
import { ensureBundles } from "../../../orchestrator/runtimes/bundles.ts";
import type { Budgets } from "../../../worker/contract/tuning.ts";
import type { ParserCampaign } from "../../support/parser-campaign.ts";
import { startParser, type TestParser } from "../../support/parser-child.ts";
import type { TestRedis } from "../../support/redis-server.ts";
import type { SecureNode } from "./secure-node.ts";

/**
 * The parser's process as nodes have it: bundled, forked, its chunks from BullMQ, its bulks over TLS with the credential that may only create. What a
 * whole campaign has besides is the proxy before Redis. The caller ends it.
 * @param budgets what it may have on its way to the store, until Redis says otherwise
 */
export async function startBundledParser(
  campaign: Pick<ParserCampaign, "id" | "dir">,
  {
    config,
    redis,
    node,
  }: { readonly config: Config; readonly redis: Pick<TestRedis, "port">; readonly node: SecureNode },
  { bulkBytes, requestsInFlight }: Budgets,
  name = "p1",
): Promise<TestParser> {
  const { parser } = await ensureBundles(createLog({ level: "warn" }));
  return await startParser({
    dir: campaign.dir,
    campaign: campaign.id,
    redisPort: redis.port,
    name,
    program: parser,
    store: { loader: node.loader, httpAuthority: node.authority },
    parser: { bulkBytes, requestsInFlight, lockSeconds: config.parsers.lock },
  });
}
