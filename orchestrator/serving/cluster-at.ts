import type { Client } from "@elastic/elasticsearch";
import { StoreError } from "../../worker/contract/errors.ts";
import { loadCampaign } from "../campaign-store.ts";
import { orchestratorClient } from "../gateway-client.ts";
import { readPlan } from "../plan-file.ts";
import { campaignStatus } from "../status.ts";
import { findCluster } from "../verify.ts";
import { connectTo, type ClusterAddress } from "./permanent-cluster.ts";

/** A cluster that searches go to. */
export interface SearchedCluster {
  readonly client: Client;
  /** Of a campaign that serves: the revision that it keeps searchable, and brings back whenever it is gone. */
  readonly own?: number;
}

/**
 * The cluster at an address, or that of a campaign that serves.
 * @param where address or campaign id
 * @throws ConfigError `USAGE`, `ARGUMENT_FILE`, `CAMPAIGN_UNKNOWN`; StoreError `VERIFY_NEEDS_CLUSTER` for a campaign that does not serve
 */
export async function clusterAt(
  stateDir: string,
  where: string,
  access: Omit<ClusterAddress, "url">,
): Promise<SearchedCluster> {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(where)) return { client: await connectTo({ url: where, ...access }) };
  const { paths } = await loadCampaign(stateDir, where);
  const { state } = await campaignStatus(stateDir, where);
  const found = state === "serving" ? await findCluster(paths) : undefined;
  if (!found) {
    throw new StoreError(
      "VERIFY_NEEDS_CLUSTER",
      `campaign ${where} is ${state} and serves nobody; name one that serves (\`gridharvest serve\`, or launch with --finish keep), or the address of a permanent cluster`,
    );
  }
  return {
    client: orchestratorClient(found.secrets, found.url),
    own: (await readPlan(paths.plan)).pinned.revision,
  };
}
