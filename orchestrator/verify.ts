import { StoreError } from "../worker/contract/errors.ts";
import { accessOf } from "./access.ts";
import { loadCampaign } from "./campaign-store.ts";
import { createCluster } from "./cluster.ts";
import { readLedger } from "./ledger-export.ts";
import { orchestratorClient } from "./gateway-client.ts";
import { readGateway } from "./gateway/index.ts";
import type { SiteConfig } from "./launch.ts";
import { readPlan } from "./plan-file.ts";
import { compareWithStore, type StoreComparison } from "./reconcile.ts";
import { loadCampaignSecrets } from "./security/index.ts";
import { campaignStatus } from "./status.ts";

/**
 * Compares the ledger of a campaign with what stands in its cluster, document counts by index, file and chunk.
 * @throws StoreError `VERIFY_NEEDS_CLUSTER` when the cluster is gone or not loaded yet, saying what it needs
 */
export async function verifyCampaign(site: SiteConfig, id: string): Promise<StoreComparison> {
  const { paths } = await loadCampaign(site.stateDir, id);
  const status = await campaignStatus(site.stateDir, id);
  const gateway = await readGateway(paths.gateway);
  const rows = await readLedger(paths.ledger).catch(() => undefined);
  if (!gateway || !(await accessOf(paths))) {
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
  const client = orchestratorClient(await loadCampaignSecrets(paths.secrets), gateway.elasticsearchUrl);
  try {
    const cluster = createCluster(client);
    const indices = await cluster.indices({ pattern: plan.pinned.indexPattern, revision: plan.pinned.revision });
    await cluster.refresh(indices);
    return await compareWithStore(
      cluster,
      indices,
      rows,
      new Map(plan.files.map((file) => [file.origin.fileId, file.origin.path])),
    );
  } finally {
    await client.close();
  }
}
