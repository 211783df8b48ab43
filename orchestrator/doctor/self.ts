import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { renderNodeFiles } from "../../templates/elasticsearch/node-files.ts";
import { NODE_ROLES } from "../../worker/contract/keys.ts";
import { overAccess } from "./access.ts";
import { openBatchSystem } from "../batch-system.ts";
import type { Check, DoctorContext, Finding } from "../doctor.ts";
import { siteOfGateway } from "../campaign-gateway.ts";
import { renderProxyConfig } from "../gateway/provision.ts";
import { createLog } from "../log.ts";
import { checkGrid } from "./grid.ts";
import { renderNode } from "../render-node.ts";
import { ensureBundles } from "../runtimes/bundles.ts";

/** gridharvest's own parts, tried out: bundles, templates, the batch system. */
export const selfChecks: readonly Check[] = [
  { name: "program bundles", run: checkBundles },
  { name: "templates", run: checkTemplates },
  { name: "batch system", run: checkBatchSystem },
];

async function checkBundles(): Promise<Finding> {
  const { cli } = await ensureBundles(createLog({ level: "error" }));
  return { level: "ok", text: join(cli, "..") };
}

/** Renders what a campaign of this configuration would, with addresses and secrets of no meaning. */
async function checkTemplates({ resolved, signal }: DoctorContext): Promise<Finding> {
  const { config } = resolved;
  for (const role of NODE_ROLES) await renderNode(config, role, signal);
  const endpoint = { host: "127.0.0.1", port: 1 };
  const { gatewayAddress, outsideAddress = gatewayAddress } = config.network;
  const elasticsearch = {
    home: "/",
    javaHome: "/",
    heapBytes: config.elasticsearch.masterHeap,
    javaOptions: config.elasticsearch.javaOptions,
    clusterName: "doctor",
    repositories: [config.snapshot.repository],
  };
  const spec = {
    campaign: "doctor",
    tag: "doctor",
    address: gatewayAddress,
    outsideAddress,
    ports: {
      redis: 1,
      carbon: 2,
      transport: 3,
      outsideRedis: 4,
      outsideCarbon: 5,
      elasticsearch: 6,
      graphiteWeb: 7,
      masterHttp: 8,
    },
    site: siteOfGateway(config, config),
    elasticsearch,
    secretsDir: "/",
    orphanGraceSeconds: config.dataNodes.orphanGrace,
  };
  renderProxyConfig("/", spec, { redis: endpoint, carbon: endpoint, graphiteWeb: { url: "http://127.0.0.1:1" } });
  const pem = { certificate: "-", key: "-", authority: "-" };
  renderNodeFiles({
    ...elasticsearch,
    nodeName: "doctor",
    roles: ["data"],
    dir: "/",
    address: config.network.gatewayAddress,
    transportPort: 0,
    httpAddress: config.network.gatewayAddress,
    httpPort: 0,
    seedHosts: [],
    initialMaster: false,
    allowMmap: true,
    modules: [],
    realm: { users: "-", usersRoles: "-", roles: "-" },
    transport: pem,
    http: pem,
  });
  return { level: "ok", text: "job script, haproxy, Elasticsearch" };
}

/** An embedded batch system gets a job that does nothing; a site's is asked for its hosts and its queues. */
async function checkBatchSystem(context: DoctorContext): Promise<Finding> {
  const { config } = context.resolved;
  if (config.batch.system === "local") return checkEmbedded(context);
  return await overAccess(context, async (access) => {
    const none = { batchDir: "", entry: "" };
    return checkGrid(await openBatchSystem(config, none, context.signal, access.runner), config, context.signal);
  });
}

/** Submits a job that does nothing to an embedded batch system of its own, and waits for its end. */
async function checkEmbedded({ resolved, signal }: DoctorContext): Promise<Finding> {
  const { batch } = resolved.config;
  const { batch: entry } = await ensureBundles(createLog({ level: "error" }));
  const dir = mkdtempSync(join(tmpdir(), "gridharvest-doctor-"));
  try {
    const embedded = { batchDir: join(dir, "batch"), entry, queueDelaySeconds: 0 };
    const system = await openBatchSystem(resolved.config, embedded, signal);
    const scriptFile = join(dir, "job");
    writeFileSync(scriptFile, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    const id = await system.submit(
      {
        name: "doctor",
        cpus: 1,
        memoryBytes: 64 * 2 ** 20,
        walltimeSeconds: 60,
        outputFile: join(dir, "out"),
        errorFile: join(dir, "err"),
        scriptFile,
        extraDirectives: [],
      },
      signal,
    );
    for (;;) {
      const status = (await system.status([id], signal)).get(id);
      if (status?.state === "finished") {
        if (status.exitStatus === 0) break;
        return {
          level: "missing",
          text: `a job that does nothing ended with exit status ${status.exitStatus ?? "unknown"}`,
        };
      }
      await sleep(100, undefined, { signal });
    }
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
  return { level: "ok", text: `${batch.system}: a job was submitted and ran; ${batch.local.nodes.length} nodes` };
}
