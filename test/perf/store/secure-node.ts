import { join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import { createCampaignSecrets, type Credential } from "../../../orchestrator/security/index.ts";
import { createIdentity } from "../../../orchestrator/security/authority.ts";
import { NODE_DIRECTORIES, renderNodeFiles } from "../../../templates/elasticsearch/node-files.ts";
import { mayMapFiles } from "../../../worker/contract/bootstrap-checks.ts";
import {
  distributionModules,
  launchElasticsearch,
  provisionNode,
  readPorts,
} from "../../../worker/contract/elasticsearch-process.ts";
import { waitFor } from "../../support/wait-for.ts";
import type { BenchPlace } from "../bench-place.ts";

/** One Elasticsearch node as campaigns have their data nodes: TLS, and users who may do what they need to. */
export interface SecureNode {
  readonly url: string;
  /** PEM of the authority of its certificate, and the file with it. */
  readonly authority: string;
  readonly authorityFile: string;
  /** Everything. */
  readonly admin: Credential;
  /** Creates documents, nothing else. */
  readonly loader: Credential;
  /** As the admin. */
  readonly client: Client;
  /** Sends JSON as the admin, returns JSON. */
  request(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

const ADDRESS = "127.0.0.1";
/** Whoever is nobody else. */
const RUN_AS = { uid: 20119, gid: 20119 };
const BOOT_MS = 180_000;
const STOP_MS = 20_000;
const REQUEST_MS = 300_000;

/** @param indices names, with `*`, that the loader may write to */
export async function startSecureNode(
  { dir, elasticsearch }: BenchPlace,
  indices: readonly string[],
  heapBytes: number,
): Promise<SecureNode> {
  const secrets = await createCampaignSecrets(join(dir, "secrets"), {
    campaign: "bench",
    gatewayAddresses: [ADDRESS],
    indices,
  });
  const { transport, http } = secrets.authorities;
  const subject = { commonName: "bench", unit: "es-data", addresses: [ADDRESS] };
  const place = join(dir, "node");
  const files = renderNodeFiles({
    nodeName: "bench",
    clusterName: "gridharvest-bench",
    roles: ["master", "data"],
    dir: place,
    address: ADDRESS,
    transportPort: 0,
    httpAddress: ADDRESS,
    httpPort: 0,
    seedHosts: [],
    initialMaster: true,
    allowMmap: mayMapFiles(),
    repositories: [],
    heapBytes,
    javaOptions: [],
    modules: distributionModules(elasticsearch.home),
    realm: secrets.realm,
    transport: {
      ...(await createIdentity(transport, { ...subject, usage: ["server", "client"] })),
      authority: transport.certificate,
    },
    http: { ...(await createIdentity(http, { ...subject, usage: ["server"] })), authority: http.certificate },
  });
  await provisionNode(place, NODE_DIRECTORIES, files, RUN_AS);
  const logFile = join(dir, "elasticsearch.log");
  const child = launchElasticsearch({ ...elasticsearch, dir: place, logFile, runAs: RUN_AS });
  try {
    const ports = await waitFor("Elasticsearch to listen", () => (child.hasExited() ? "ended" : readPorts(place)), {
      timeoutMs: BOOT_MS,
      everyMs: 250,
    });
    if (ports === "ended") throw new Error(`Elasticsearch ended before it listened; see ${logFile}`);
    const url = `https://${ADDRESS}:${ports.http}`;
    const { admin, loader } = secrets.users;
    const authority = http.certificate;
    const client = new Client({ node: url, auth: admin, tls: { ca: authority }, requestTimeout: REQUEST_MS });
    await waitFor("Elasticsearch to answer", async () => (await client.cluster.health()).status !== "red", {
      timeoutMs: BOOT_MS,
      everyMs: 250,
    });
    return {
      url,
      authority,
      authorityFile: join(secrets.dir, "http-authority.crt"),
      admin,
      loader,
      client,
      request: (method, path, body) => client.transport.request({ method, path, ...(body ? { body } : {}) }),
      async stop() {
        await client.close();
        await child.stop(STOP_MS);
      },
    };
  } catch (error) {
    await child.stop(STOP_MS);
    throw error;
  }
}
