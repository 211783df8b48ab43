import { renderTemplate } from "../render.ts";

/** What distinguishes one Elasticsearch node of a campaign from another. */
export interface ElasticsearchNode {
  readonly nodeName: string;
  readonly clusterName: string;
  readonly roles: readonly ("master" | "data")[];
  /** The node's own directory: `config`, `data`, `logs`, `tmp` below it. */
  readonly dir: string;
  /** Where transport listens. */
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly transportPort: number;
  readonly httpAddress: string;
  readonly httpPort: number;
  readonly seedHosts: readonly string[];
  /** True at the very first start of the campaign's master only. */
  readonly initialMaster: boolean;
  /** False where `vm.max_map_count` is below 262144. */
  readonly allowMmap: boolean;
  readonly repositories: readonly string[];
  readonly heapBytes: number;
  /** Options of Java beside our own. */
  readonly javaOptions: readonly string[];
  /** Names of the distribution's modules: settings of absent ones would stop the node. */
  readonly modules: readonly string[];
  /** The file realm and PEM texts. `key` is secret. */
  readonly realm: { readonly users: string; readonly usersRoles: string; readonly roles: string };
  readonly transport: { readonly certificate: string; readonly key: string; readonly authority: string };
  readonly http: { readonly certificate: string; readonly key: string; readonly authority: string };
}

/** The directories of a node that must be there when it starts, below its own. */
export const NODE_DIRECTORIES = ["config", "config/tls", "data", "logs", "tmp"] as const;

/** All files of a node's configuration, by path below its directory. Some are secret: write them 0600. */
export function renderNodeFiles(node: ElasticsearchNode): Readonly<Record<string, string>> {
  const values = {
    ...node,
    paths: { data: `${node.dir}/data`, logs: `${node.dir}/logs` },
    heapMiB: Math.max(1, Math.floor(node.heapBytes / 2 ** 20)),
    level: "info",
    tls: {
      transportKey: "tls/transport.key",
      transportCertificate: "tls/transport.crt",
      transportAuthority: "tls/transport-authority.crt",
      httpKey: "tls/http.key",
      httpCertificate: "tls/http.crt",
      httpAuthority: "tls/http-authority.crt",
    },
  };
  return {
    "config/elasticsearch.yml": renderTemplate("templates/elasticsearch/elasticsearch.yml.tmpl", values),
    "config/jvm.options": renderTemplate("templates/elasticsearch/jvm.options.tmpl", values),
    "config/log4j2.properties": renderTemplate("templates/elasticsearch/log4j2.properties.tmpl", values),
    "config/users": node.realm.users,
    "config/users_roles": node.realm.usersRoles,
    "config/roles.yml": node.realm.roles,
    "config/tls/transport.key": node.transport.key,
    "config/tls/transport.crt": node.transport.certificate,
    "config/tls/transport-authority.crt": node.transport.authority,
    "config/tls/http.key": node.http.key,
    "config/tls/http.crt": node.http.certificate,
    "config/tls/http-authority.crt": node.http.authority,
  };
}
