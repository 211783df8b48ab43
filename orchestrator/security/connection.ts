import type { CampaignSecrets } from "./campaign-secrets.ts";

/** Options for the constructor of `@elastic/elasticsearch`'s client. `tls.key` and `auth` are secret. */
export interface ElasticsearchConnection {
  readonly node: string;
  readonly tls: { readonly ca: string; readonly cert?: string; readonly key?: string };
  readonly auth: { readonly username: string; readonly password: string };
}

/** The orchestrator's way to Elasticsearch: through the proxy, with all rights. */
export function orchestratorConnection(secrets: CampaignSecrets, url: string): ElasticsearchConnection {
  const { certificate: cert, key } = secrets.orchestratorClient;
  return { node: url, tls: { ca: secrets.authorities.http.certificate, cert, key }, auth: secrets.users.admin };
}

/** An operator's way: through the proxy, reading only. */
export function operatorConnection(secrets: CampaignSecrets, url: string): ElasticsearchConnection {
  const { certificate: cert, key } = secrets.operatorClient;
  return { node: url, tls: { ca: secrets.authorities.http.certificate, cert, key }, auth: secrets.users.reader };
}

/** The loader's way to one data node, directly: for asking whether its credential still works. */
export function loaderConnection(secrets: CampaignSecrets, url: string): ElasticsearchConnection {
  return { node: url, tls: { ca: secrets.authorities.http.certificate }, auth: secrets.users.loader };
}
