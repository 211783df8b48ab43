import { readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { NODE_DIRECTORIES, renderNodeFiles } from "../../templates/elasticsearch/node-files.ts";
import {
  distributionModules,
  httpsStatus,
  launchElasticsearch,
  provisionNode,
  readPorts,
  writePrivateFile,
} from "../contract/elasticsearch-process.ts";
import {
  BOOTSTRAP_EXIT,
  bootstrapFailures,
  explainBootstrapFailures,
  isLoopback,
  lowLimitsHere,
  mayMapFiles,
} from "../contract/bootstrap-checks.ts";
import { ConfigError, describeError } from "../contract/errors.ts";
import { LOADER_USER, withoutUser, type FileRealm } from "../contract/file-realm.ts";
import type { GuardedChild } from "../contract/guarded-child.ts";
import { describeExit, keepChild } from "../contract/kept-child.ts";
import { AgentEnded } from "./end.ts";
import type { Service, ServiceContext } from "./service.ts";

/** A data node is started again so often, with its data; then the job gives up and another one is asked for. */
const MOST_RESTARTS = 3;
/** The batch system's TERM leaves a second or so; what asks nicely gets more. */
const STOP_MS = 20_000;

/**
 * A data node of the campaign's cluster, bound to the leased address with certificates for it. Its ports are the kernel's
 * choice, so that nodes on one host never collide; a restarted one first tries to keep them.
 *
 * It is registered whenever its HTTP answers: parsers send their bulks there.
 */
export const runElasticsearchNode: Service = async (context) => {
  const { spec, life, log } = context;
  const elasticsearch = spec.elasticsearch;
  if (!elasticsearch) throw new ConfigError("NODE_SPEC_INVALID", `node.json of ${spec.jobName} lacks "elasticsearch"`);
  const dir = context.scratch;
  const logFile = join(spec.jobDir, "elasticsearch.log");
  if (!isLoopback(context.joined.address)) {
    for (const { text, remedy } of lowLimitsHere()) log(`${hostname()}: ${text}; ${remedy}`);
  }
  let ports: Ports = ANY_PORTS;
  let provisioned = false;

  // One after the other: the last one writes what holds then.
  let writing = Promise.resolve();
  context.loader.onChange = () => {
    if (!provisioned) return;
    writing = writing
      .then(() => writeRealm(context, dir))
      .catch((error: unknown) => log(`cannot change the loader's credential: ${describeError(error)}`));
  };
  try {
    const result = await keepChild(
      {
        name: "Elasticsearch",
        launch: async () => {
          const wasRevoked = context.loader.revoked;
          await provision(context, elasticsearch, dir, ports);
          provisioned = true;
          // It changed while the files were being written.
          if (context.loader.revoked !== wasRevoked) await writeRealm(context, dir);
          const wanted = ports;
          // If it does not come up on its old ports, somebody may have them now.
          ports = ANY_PORTS;
          const child = launchElasticsearch({ ...elasticsearch, dir, logFile, runAs: spec.runAs });
          void announce(context, dir, child).then((found) => {
            if (found) ports = found;
            else if (wanted !== ANY_PORTS) log("it did not come up on its old ports");
          });
          return child;
        },
        mostFailures: MOST_RESTARTS,
        firstDelayMs: 500,
        longestDelayMs: 5_000,
        stableMs: Infinity,
        stopGraceMs: STOP_MS,
        isHopeless: (exit) => exit.code === BOOTSTRAP_EXIT,
        onFailure: (exit, failures) =>
          log(`Elasticsearch ended (${describeExit(exit)}), restart ${failures} of ${MOST_RESTARTS}; see ${logFile}`),
      },
      // A data node has nothing to finish: its documents are saved before it is asked to go.
      life.drained,
    );
    if (result.kind === "failed" && result.exit.code === BOOTSTRAP_EXIT) {
      const failures = bootstrapFailures(await readFile(logFile, "utf8"));
      throw new AgentEnded("unfit-node", `${explainBootstrapFailures(hostname(), failures)} (${logFile})`);
    }
    if (result.kind === "failed") {
      throw new AgentEnded(
        "service-failed",
        `Elasticsearch ends again and again (${describeExit(result.exit)}); see ${logFile}`,
      );
    }
  } finally {
    context.loader.onChange = undefined;
  }
};

interface Ports {
  readonly http: number;
  readonly transport: number;
}

const ANY_PORTS: Ports = { http: 0, transport: 0 };
const LOOK_MS = 250;

function realmOf({ spec, secrets, loader }: ServiceContext): FileRealm {
  if (!secrets.realm) throw new ConfigError("NODE_SPEC_INVALID", `the secrets of ${spec.jobName} lack "realm"`);
  return loader.revoked ? withoutUser(secrets.realm, LOADER_USER) : secrets.realm;
}

async function provision(
  context: ServiceContext,
  elasticsearch: NonNullable<ServiceContext["spec"]["elasticsearch"]>,
  dir: string,
  ports: Ports,
): Promise<void> {
  const { spec, joined } = context;
  const { transport, http } = joined.certificates;
  if (!transport || !http) throw new AgentEnded("refused", "the orchestrator issued no certificates of a data node");
  const files = renderNodeFiles({
    nodeName: spec.jobName,
    clusterName: elasticsearch.clusterName,
    roles: ["data"],
    dir,
    address: joined.address,
    transportPort: ports.transport,
    httpAddress: joined.address,
    httpPort: ports.http,
    seedHosts: elasticsearch.seedHosts,
    initialMaster: false,
    allowMmap: mayMapFiles(),
    repositories: elasticsearch.repositories,
    heapBytes: elasticsearch.heapBytes,
    javaOptions: elasticsearch.javaOptions,
    modules: distributionModules(elasticsearch.home),
    realm: realmOf(context),
    transport: { ...transport, key: joined.key },
    http: { ...http, key: joined.key },
  });
  await provisionNode(dir, NODE_DIRECTORIES, files, spec.runAs);
  // Those of the life before would be taken for the new ones.
  for (const name of ["http.ports", "transport.ports"]) await rm(join(dir, "logs", name), { force: true });
}

async function writeRealm(context: ServiceContext, dir: string): Promise<void> {
  const realm = realmOf(context);
  await writePrivateFile(join(dir, "config", "users"), realm.users, context.spec.runAs);
  await writePrivateFile(join(dir, "config", "users_roles"), realm.usersRoles, context.spec.runAs);
  context.log(`the loader's credential ${context.loader.revoked ? "is revoked" : "holds again"} on this node`);
}

/** Waits until the node answers over HTTPS, then registers it. Undefined when it ended before. */
async function announce(context: ServiceContext, dir: string, child: GuardedChild): Promise<Ports | undefined> {
  const { joined, life } = context;
  const authority = joined.certificates.http?.authority ?? "";
  while (!child.hasExited() && !life.drained.aborted) {
    const ports = readPorts(dir);
    if (ports && (await httpsStatus({ host: joined.address, port: ports.http, authority })) !== undefined) {
      await context
        .register({ pid: child.identity?.pid ?? 0, httpUrl: `https://${joined.address}:${String(ports.http)}` })
        .catch(() => undefined);
      return ports;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return undefined;
}
