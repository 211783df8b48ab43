/** Authorities, certificates, passwords and roles of a campaign, and who gets which of them. */
export {
  createCampaignSecrets,
  destroySecrets,
  loadCampaignSecrets,
  loadGatewaySecrets,
  MASTER_NAME,
  UNITS,
  type CampaignSecrets,
  type GatewaySecrets,
  type SecretsOptions,
} from "./campaign-secrets.ts";
export { certify, verifyJoin, writeJobSecrets, type Certificates } from "./joining.ts";
export {
  loaderConnection,
  operatorConnection,
  orchestratorConnection,
  type ElasticsearchConnection,
} from "./connection.ts";
export type { Authority, Identity } from "./authority.ts";
export { ADMIN_USER, READER_USER, type Credential } from "./realm.ts";
