import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { NODE_DIRECTORIES, renderNodeFiles } from "../../templates/elasticsearch/node-files.ts";
import { renderTemplate } from "../../templates/render.ts";
import {
  distributionModules,
  makePrivateDirectories,
  provisionNode,
  writePrivateFile,
} from "../../worker/contract/elasticsearch-process.ts";
import { mayMapFiles } from "../../worker/contract/bootstrap-checks.ts";
import { ConfigError } from "../../worker/contract/errors.ts";
import { LOADER_USER, withoutUser, type FileRealm } from "../../worker/contract/file-realm.ts";
import { MASTER_NAME, type GatewaySecrets } from "../security/index.ts";
import type { Backends, GatewaySpec } from "./state.ts";

/** What of a gateway's spec the master is made from. */
export type MasterSpec = NonNullable<GatewaySpec["elasticsearch"]>;

/** Files of a gateway's directory. Logs and state are ours; `proxy` and `master` belong to the user that they run as. */
export const gatewayFiles = (dir: string) => ({
  proxy: join(dir, "proxy"),
  proxyConfig: join(dir, "proxy", "haproxy.cfg"),
  proxyLog: join(dir, "haproxy.log"),
  master: join(dir, "master"),
  masterLog: join(dir, "elasticsearch.log"),
  supervisorLog: join(dir, "supervisor.log"),
  /** Marks that the master has founded its cluster: it may not do so again. */
  founded: join(dir, "founded"),
  /** Marks that the loader's credential is revoked: a master that starts again must not revive it. */
  revoked: join(dir, "loader-revoked"),
});

/** Debian puts haproxy where an ordinary user's PATH does not look. */
const MORE_PATH = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The haproxy program. @throws ConfigError `HAPROXY_MISSING` */
export function findHaproxy(): string {
  for (const dir of [...(process.env["PATH"] ?? "").split(delimiter), ...MORE_PATH]) {
    const file = join(dir, "haproxy");
    if (dir !== "" && existsSync(file)) return file;
  }
  throw new ConfigError("HAPROXY_MISSING", "haproxy is not on PATH; install it (Debian: apt-get install haproxy)");
}

/**
 * Whether this machine can run a gateway, before anything is submitted.
 * @throws ConfigError `HAPROXY_MISSING`, or `HAPROXY_UNFIT` when it cannot do TLS
 */
export async function checkGatewayPrograms(): Promise<void> {
  const haproxy = findHaproxy();
  const { stdout } = await promisify(execFile)(haproxy, ["-vv"]).catch((cause: unknown) => {
    throw new ConfigError("HAPROXY_UNFIT", `${haproxy} does not run`, { cause });
  });
  if (!stdout.includes("+OPENSSL")) {
    throw new ConfigError("HAPROXY_UNFIT", `${haproxy} was built without TLS; install the distribution's package`);
  }
}

/** The text of haproxy's configuration. Pure. */
export function renderProxyConfig(dir: string, spec: GatewaySpec, backends: Backends): string {
  const { proxy } = gatewayFiles(dir);
  const { address, outsideAddress, ports } = spec;
  return renderTemplate("templates/proxy/haproxy.cfg.tmpl", {
    campaign: spec.campaign,
    bind: {
      redis: `${address}:${ports.redis}`,
      carbon: `${address}:${ports.carbon}`,
    },
    outside: {
      redis: `${outsideAddress}:${ports.outsideRedis}`,
      carbon: `${outsideAddress}:${ports.outsideCarbon}`,
      graphiteWeb: `${outsideAddress}:${ports.graphiteWeb}`,
      elasticsearch: `${outsideAddress}:${ports.elasticsearch}`,
    },
    backend: {
      redis: `${backends.redis.host}:${backends.redis.port}`,
      // One that never ran has no port yet; at port 1 nobody listens.
      carbon: `${backends.carbon.host}:${backends.carbon.port || 1}`,
      elasticsearch: `127.0.0.1:${ports.masterHttp}`,
    },
    graphiteWeb: backends.graphiteWeb === undefined ? false : webServer(backends.graphiteWeb.url),
    files: {
      server: join(proxy, "server.pem"),
      clientAuthority: join(proxy, "client-authority.pem"),
      httpAuthority: join(proxy, "http-authority.pem"),
    },
    masterName: MASTER_NAME,
  });
}

/** A web server as haproxy names it. */
function webServer(text: string): { readonly server: string; readonly host: string; readonly tls: boolean } {
  const { host, hostname, port, protocol } = new URL(text);
  const tls = protocol === "https:";
  return { server: `${hostname}:${port === "" ? (tls ? "443" : "80") : port}`, host: tls ? hostname : host, tls };
}

export async function provisionProxy(
  dir: string,
  spec: GatewaySpec,
  backends: Backends,
  secrets: GatewaySecrets,
): Promise<void> {
  const files = gatewayFiles(dir);
  await makePrivateDirectories([files.proxy], spec.runAs);
  const texts = {
    "server.pem": secrets.proxy.certificate + secrets.proxy.key,
    "client-authority.pem": secrets.proxyClientAuthority,
    "http-authority.pem": secrets.httpAuthority,
    "haproxy.cfg": renderProxyConfig(dir, spec, backends),
  };
  for (const [name, text] of Object.entries(texts)) await writePrivateFile(join(files.proxy, name), text, spec.runAs);
}

/** The file realm as the master must have it now. */
function currentRealm(dir: string, secrets: GatewaySecrets): FileRealm {
  return existsSync(gatewayFiles(dir).revoked) ? withoutUser(secrets.realm, LOADER_USER) : secrets.realm;
}

/** Writes everything that the master reads at its start. Its data, if there is any, is kept. */
export async function provisionMaster(
  dir: string,
  spec: GatewaySpec,
  elasticsearch: MasterSpec,
  secrets: GatewaySecrets,
): Promise<void> {
  const files = gatewayFiles(dir);
  // All nodes write to the repository, which may be shared with other users' campaigns: it is the operator's to own.
  for (const repository of elasticsearch.repositories) {
    if (!existsSync(repository)) await makePrivateDirectories([repository], spec.runAs);
  }
  const texts = renderNodeFiles({
    nodeName: MASTER_NAME,
    clusterName: elasticsearch.clusterName,
    roles: ["master"],
    dir: files.master,
    address: spec.address,
    transportPort: spec.ports.transport,
    // Only haproxy talks to it: no other host can reach it.
    httpAddress: "127.0.0.1",
    httpPort: spec.ports.masterHttp,
    seedHosts: [],
    initialMaster: !existsSync(files.founded),
    allowMmap: mayMapFiles(),
    repositories: elasticsearch.repositories,
    heapBytes: elasticsearch.heapBytes,
    javaOptions: elasticsearch.javaOptions,
    modules: distributionModules(elasticsearch.home),
    realm: currentRealm(dir, secrets),
    transport: { ...secrets.masterTransport, authority: secrets.transportAuthority },
    http: { ...secrets.masterHttp, authority: secrets.httpAuthority },
  });
  await provisionNode(files.master, NODE_DIRECTORIES, texts, spec.runAs);
}

/** Takes the loader out of the master's file realm, for good. */
export async function revokeLoader(dir: string, spec: GatewaySpec, secrets: GatewaySecrets): Promise<void> {
  const files = gatewayFiles(dir);
  await mkdir(dir, { recursive: true });
  await writeFile(files.revoked, "");
  if (!existsSync(join(files.master, "config"))) return;
  const realm = withoutUser(secrets.realm, LOADER_USER);
  await writePrivateFile(join(files.master, "config", "users"), realm.users, spec.runAs);
  await writePrivateFile(join(files.master, "config", "users_roles"), realm.usersRoles, spec.runAs);
}
