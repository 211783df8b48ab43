import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import { GridError } from "../../worker/contract/errors.ts";
import { mayMapFiles } from "../../worker/contract/bootstrap-checks.ts";
import {
  distributionModules,
  launchElasticsearch,
  provisionNode,
  readPorts,
} from "../../worker/contract/elasticsearch-process.ts";
import { pause } from "../../worker/contract/pause.ts";
import { NODE_DIRECTORIES, renderNodeFiles } from "../../templates/elasticsearch/node-files.ts";
import type { Config } from "../config-schema.ts";
import { createIdentity } from "../security/authority.ts";
import { createCampaignSecrets, type Credential } from "../security/index.ts";

/** One Elasticsearch node of its own, as campaigns have their data nodes: TLS, and users who may do what they need to. On loopback only. */
export interface ScratchNode {
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
  stop(): Promise<void>;
}

export interface ScratchNodeOptions {
  /** Its files go there. The user that it runs as must get that far. */
  readonly dir: string;
  readonly elasticsearch: { readonly home: string; readonly javaHome: string };
  readonly heapBytes: number;
  /** Options of Java beside our own. */
  readonly javaOptions?: readonly string[];
  /** As which user and group, when this process is root. */
  readonly runAsUid: number;
  /** Names, with `*`, that the loader may write to. */
  readonly indices: readonly string[];
}

const ADDRESS = "127.0.0.1";
const NAME = "scratch";
const BOOT_MS = 180_000;
const LOOK_MS = 250;
const STOP_MS = 20_000;
const REQUEST_MS = 300_000;

/** Starts it and waits until it answers. @throws GridError `BOOT_TIMEOUT`; the signal's reason when aborted */
export async function startScratchNode(options: ScratchNodeOptions, signal: AbortSignal): Promise<ScratchNode> {
  const { dir, elasticsearch, indices } = options;
  const runAs = { uid: options.runAsUid, gid: options.runAsUid };
  const secrets = await createCampaignSecrets(join(dir, "secrets"), {
    campaign: NAME,
    gatewayAddresses: [ADDRESS],
    indices,
  });
  const { transport, http } = secrets.authorities;
  const subject = { commonName: NAME, unit: "es-data", addresses: [ADDRESS] };
  const place = join(dir, "node");
  const files = renderNodeFiles({
    nodeName: NAME,
    clusterName: `gridharvest-${NAME}`,
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
    heapBytes: options.heapBytes,
    javaOptions: options.javaOptions ?? [],
    modules: distributionModules(elasticsearch.home),
    realm: secrets.realm,
    transport: {
      ...(await createIdentity(transport, { ...subject, usage: ["server", "client"] })),
      authority: transport.certificate,
    },
    http: { ...(await createIdentity(http, { ...subject, usage: ["server"] })), authority: http.certificate },
  });
  await provisionNode(place, NODE_DIRECTORIES, files, runAs);
  const logFile = join(dir, "elasticsearch.log");
  const child = launchElasticsearch({ ...elasticsearch, dir: place, logFile, runAs });
  let client: Client | undefined;
  try {
    const deadline = Date.now() + BOOT_MS;
    const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
      for (;;) {
        signal.throwIfAborted();
        const found = await look();
        if (found !== undefined) return found;
        const over = child.hasExited() ? "ended" : Date.now() > deadline ? "took too long" : undefined;
        if (over !== undefined)
          throw new GridError("BOOT_TIMEOUT", `a scratch Elasticsearch ${over} before it ${what}`);
        await pause(LOOK_MS, signal);
      }
    };
    const ports = await until("listened", () => Promise.resolve(readPorts(place)));
    const url = `https://${ADDRESS}:${String(ports.http)}`;
    const { admin, loader } = secrets.users;
    const authority = http.certificate;
    const made = new Client({ node: url, auth: admin, tls: { ca: authority }, requestTimeout: REQUEST_MS });
    client = made;
    await until("answered", async () => {
      const health = await made.cluster.health({}, { maxRetries: 0 }).catch(() => undefined);
      return health === undefined || health.status === "red" ? undefined : health;
    });
    return {
      url,
      authority,
      authorityFile: join(secrets.dir, "http-authority.crt"),
      admin,
      loader,
      client: made,
      async stop() {
        await made.close();
        await child.stop(STOP_MS);
      },
    };
  } catch (error) {
    await client?.close();
    await child.stop(STOP_MS);
    throw error;
  }
}

/** Does something with a scratch node in a new directory below `parent`; both are gone afterwards. */
export async function withScratchNode<T>(
  parent: string,
  config: Pick<Config, "dataNodes" | "elasticsearch">,
  elasticsearch: ScratchNodeOptions["elasticsearch"],
  work: (node: ScratchNode) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(join(parent, "scratch-node-"));
  // Elasticsearch does not run as root.
  await chmod(dir, 0o711);
  try {
    const { javaOptions, runAsUid } = config.elasticsearch;
    const heapBytes = config.dataNodes.heap;
    const node = await startScratchNode({ dir, elasticsearch, heapBytes, javaOptions, runAsUid, indices: [] }, signal);
    try {
      return await work(node);
    } finally {
      await node.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
