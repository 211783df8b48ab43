import { StoreError } from "../worker/contract/errors.ts";
import { accessOf } from "./access.ts";
import { loadCampaign } from "./campaign-store.ts";
import { visitorOf } from "./campaign-gateway.ts";
import { createCluster } from "./cluster.ts";
import { readLedger } from "./ledger-export.ts";
import { orchestratorClient } from "./gateway-client.ts";
import { gatewayState, masterStatus, readGatewaySpec } from "./gateway/index.ts";
import type { SiteConfig } from "./launch.ts";
import type { CampaignPaths } from "./paths.ts";
import { readPlan } from "./plan-file.ts";
import { compareWithStore, type StoreComparison } from "./reconcile.ts";
import { loadCampaignSecrets, type CampaignSecrets } from "./security/index.ts";
import { campaignStatus } from "./status.ts";

/**
 * Compares the ledger of a campaign with what stands in its cluster, document counts by index, file and chunk.
 * @throws StoreError `VERIFY_NEEDS_CLUSTER` when the cluster is gone or not loaded yet, saying what it needs
 */
export async function verifyCampaign(site: SiteConfig, id: string): Promise<StoreComparison> {
  const { paths } = await loadCampaign(site.stateDir, id);
  const status = await campaignStatus(site.stateDir, id);
  const cluster = await findCluster(paths);
  const rows = await readLedger(paths.ledger).catch(() => undefined);
  if (!cluster) {
    const saved = status.snapshot
      ? ` Its result is in the snapshot ${status.snapshot.name}; restore it into a cluster and count there`
      : "";
    throw new StoreError(
      "VERIFY_NEEDS_CLUSTER",
      `the cluster of ${id} is gone (${status.state}); verify compares the ledger with a living cluster, so launch with --finish keep and verify while it serves.${saved}`,
    );
  }
  if (!rows) {
    throw new StoreError(
      "VERIFY_NEEDS_CLUSTER",
      `campaign ${id} is ${status.state}: its ledger is not complete before the load is done`,
    );
  }
  const plan = await readPlan(paths.plan);
  const client = orchestratorClient(cluster.secrets, cluster.url);
  try {
    const store = createCluster(client);
    const indices = await store.indices({ pattern: plan.pinned.indexPattern, revision: plan.pinned.revision });
    await store.refresh(indices);
    return await compareWithStore(
      store,
      indices,
      rows,
      new Map(plan.files.map((file) => [file.origin.fileId, file.origin.path])),
    );
  } finally {
    await client.close();
  }
}

/** The cluster of a campaign, when its proxy answers: with or without anything behind it. */
export async function findCluster(
  paths: CampaignPaths,
): Promise<{ secrets: CampaignSecrets; url: string } | undefined> {
  const spec = await readGatewaySpec(paths.gateway);
  if (!spec || !(await accessOf(paths))) return undefined;
  const secrets = await loadCampaignSecrets(paths.secrets);
  const gateway = gatewayState(spec);
  const status = await masterStatus(gateway, visitorOf(secrets));
  return status === undefined ? undefined : { secrets, url: gateway.elasticsearchUrl };
}
