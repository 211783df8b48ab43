import { monthWildcard, revisionsWildcard } from "../worker/contract/index-names.ts";
import type { CampaignRecord } from "./campaign-store.ts";
import type { Config } from "./config-schema.ts";
import {
  atGateway,
  type GatewayOptions,
  type GatewaySite,
  type GatewayState,
  type GatewayVisitor,
} from "./gateway/index.ts";
import type { Log } from "./log.ts";
import { repositoryDir } from "./node-specs.ts";
import type { CampaignPaths, StatePaths } from "./paths.ts";
import type { Plan } from "./plan.ts";
import { aliasOf } from "./revisions/published.ts";
import { createCampaignSecrets, type CampaignSecrets } from "./security/index.ts";

/**
 * Secrets and gateway of one campaign. Making them is no decision of the campaign and needs no ownership: whoever does it, however
 * often and however many at once, the same secrets and the same gateway come out. An orchestrator that reaches Redis only through the
 * gateway therefore makes them first, then takes the campaign over, and only then decides anything.
 */

/** What of a campaign its gateway is made from. */
export interface GatewayNeeds {
  readonly record: CampaignRecord;
  readonly paths: CampaignPaths;
  readonly state: StatePaths;
  /** Absent where a way to Redis is all that is wanted: then there is no master. */
  readonly runtime?: { readonly elasticsearchHome: string; readonly javaHome: string };
}

/** Where the services of a site are looked for. */
export function siteOfGateway(config: Config, state: Pick<StatePaths, "stateDir">): GatewaySite {
  return { stateDir: state.stateDir, services: config.services, metrics: config.metrics };
}

/** Makes the secrets of a campaign, or reads them. */
export function campaignSecrets(record: CampaignRecord, paths: CampaignPaths, plan: Plan): Promise<CampaignSecrets> {
  const { gatewayAddress, outsideAddress } = record.config.network;
  const { alias } = record.config.serving;
  const naming = { pattern: plan.pinned.indexPattern, revision: plan.pinned.revision };
  return createCampaignSecrets(paths.secrets, {
    campaign: record.id,
    gatewayAddresses: [gatewayAddress, ...(outsideAddress === undefined ? [] : [outsideAddress])],
    indices: plan.months.map((month) => monthWildcard(naming, month)),
    // A later revision may be brought into a cluster that serves.
    readable: plan.months.flatMap((month) => [aliasOf(alias, month), revisionsWildcard(naming.pattern, month)]),
  });
}

/** Starts the gateway where it belongs, or finds it. It is open then; its master may still be starting. */
export function openGateway(needs: GatewayNeeds, log: Log, signal: AbortSignal): Promise<GatewayState> {
  const { network } = needs.record.config;
  return atGateway(network, { act: "start", options: gatewayOptions(needs) }, log, signal);
}

function gatewayOptions({ record, paths, state, runtime }: GatewayNeeds): GatewayOptions {
  const { config } = record;
  const { gatewayAddress, outsideAddress = gatewayAddress } = config.network;
  const uid = config.elasticsearch.runAsUid;
  return {
    dir: paths.gateway,
    campaign: record.id,
    tag: record.tag,
    address: gatewayAddress,
    outsideAddress,
    site: siteOfGateway(config, state),
    ...(runtime
      ? {
          elasticsearch: {
            home: runtime.elasticsearchHome,
            javaHome: runtime.javaHome,
            heapBytes: config.elasticsearch.masterHeap,
            javaOptions: config.elasticsearch.javaOptions,
            clusterName: `gridharvest-${record.id}`,
            repositories: [repositoryDir(config, state)],
          },
        }
      : {}),
    secretsDir: paths.secrets,
    ...(process.getuid?.() === 0 ? { runAs: { uid, gid: uid } } : {}),
    orphanGraceSeconds: config.dataNodes.orphanGrace,
  };
}

/** As whom the orchestrator asks the proxy for the master. */
export function visitorOf(secrets: CampaignSecrets): GatewayVisitor {
  return {
    httpAuthority: secrets.authorities.http.certificate,
    client: secrets.orchestratorClient,
    admin: secrets.users.admin,
  };
}
