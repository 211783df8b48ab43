import type { Client } from "@elastic/elasticsearch";
import { StoreError } from "../worker/contract/errors.ts";
import { accessOf } from "./access.ts";
import { loadCampaign } from "./campaign-store.ts";
import { visitorOf } from "./campaign-gateway.ts";
import { createCluster, type Cluster } from "./cluster.ts";
import { orchestratorClient } from "./gateway-client.ts";
import { gatewayState, masterStatus, readGatewaySpec } from "./gateway/index.ts";
import type { SiteConfig } from "./launch.ts";
import type { CampaignPaths } from "./paths.ts";
import type { Plan } from "./plan.ts";
import { readPlan } from "./plan-file.ts";
import { claimOf, tilingOf, type Claim, type LoadedCampaign } from "./proof/claim.ts";
import { compareWithStore, type StoreComparison } from "./reconcile.ts";
import { loadCampaignSecrets, type CampaignSecrets } from "./security/index.ts";
import { campaignStatus } from "./status.ts";

/** A campaign whose load is over, and its cluster. */
export interface Verifiable {
  readonly campaign: LoadedCampaign;
  readonly plan: Plan;
  readonly claim: Claim;
  /** As the orchestrator, with all rights. */
  readonly client: Client;
  readonly cluster: Cluster;
  readonly indices: readonly string[];
}

/**
 * Compares the ledger of a campaign with what stands in its cluster, document counts by index, file and chunk, and looks whether the chunks tile
 * their files.
 * @throws StoreError `VERIFY_NEEDS_CLUSTER` when the cluster is gone or not loaded yet, saying what it needs
 */
export async function verifyCampaign(site: SiteConfig, id: string): Promise<StoreComparison> {
  return await withVerifiable(site, id, compareSums);
}

/** The sums of a campaign's ledger against its cluster, after a refresh. */
export async function compareSums({ cluster, indices, claim, plan }: Verifiable): Promise<StoreComparison> {
  await cluster.refresh(indices);
  const paths = new Map(plan.files.map(({ origin }) => [origin.fileId, origin.path]));
  const comparison = await compareWithStore(cluster, indices, claim.rows, paths);
  return { ...comparison, differences: [...tilingOf(claim, plan), ...comparison.differences] };
}

/** @throws StoreError `VERIFY_NEEDS_CLUSTER`; what `run` throws */
export async function withVerifiable<T>(
  site: SiteConfig,
  id: string,
  run: (verifiable: Verifiable) => Promise<T>,
): Promise<T> {
  const campaign = await loadCampaign(site.stateDir, id);
  const { paths } = campaign;
  const status = await campaignStatus(site.stateDir, id);
  const found = await findCluster(paths);
  if (!found) {
    const saved = status.snapshot
      ? ` Its result is in the snapshot ${status.snapshot.name}; \`gridharvest serve ${id} --until TIME\` restores it, then verify what serves`
      : "";
    throw new StoreError(
      "VERIFY_NEEDS_CLUSTER",
      `the cluster of ${id} is gone (${status.state}); verify compares the ledger with a living cluster, so launch with --finish keep and verify while it serves.${saved}`,
    );
  }
  const plan = await readPlan(paths.plan);
  const claim = await claimOf(campaign, plan);
  if (!claim) {
    throw new StoreError(
      "VERIFY_NEEDS_CLUSTER",
      `campaign ${id} is ${status.state}: its ledger is not complete before the load is done`,
    );
  }
  const client = orchestratorClient(found.secrets, found.url);
  try {
    const cluster = createCluster(client);
    const { indexPattern: pattern, revision } = plan.pinned;
    const indices = await cluster.indices({ pattern, revision });
    return await run({ campaign, plan, claim, client, cluster, indices });
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
