import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { BOOTSTRAP_EXIT, bootstrapFailures, explainBootstrapFailures } from "../../worker/contract/bootstrap-checks.ts";
import { httpsStatus, launchElasticsearch } from "../../worker/contract/elasticsearch-process.ts";
import { describeError, GridError } from "../../worker/contract/errors.ts";
import { spawnGuarded, type GuardedChild } from "../../worker/contract/guarded-child.ts";
import { describeExit, keepChild, type KeepResult } from "../../worker/contract/kept-child.ts";
import { identifyProcess, isAlive, type ProcessIdentity } from "../../worker/contract/process.ts";
import { processTree } from "../../worker/contract/process-tree.ts";
import { createLog, type Log } from "../log.ts";
import { loadGatewaySecrets, type GatewaySecrets } from "../security/index.ts";
import { takenProxyPorts } from "./ports.ts";
import {
  findHaproxy,
  gatewayFiles,
  provisionMaster,
  provisionProxy,
  revokeLoader,
  type MasterSpec,
} from "./provision.ts";
import { findSiteServices, type SiteServices } from "./site-services.ts";
import { readGatewaySpec, readProcesses, writeProcesses, type GatewayProcesses, type GatewaySpec } from "./state.ts";
import { watchCampaign } from "./watch-campaign.ts";

/** A proxy or master that lived this long is not part of a series of failures. */
const STABLE_MS = 30_000;
const MASTER_STOP_MS = 25_000;

/**
 * The gateway's supervisor: a process of its own, so that the gateway outlives its orchestrator.
 *
 * It *provisions* proxy and master, *keeps* both running (a proxy is back within a second, a master as fast as it
 * starts; what fails over and over ends everything), keeps the embedded services of the site running too, and *watches*
 * Redis: while an orchestrator shows a sign of life all is well; `orphanGraceSeconds` after the last one it ends proxy, master
 * and itself, since nobody will come to tear them down. Not reaching Redis counts as seeing none. Whatever only the
 * gateway host can reach it does for the orchestrator, and reports through Redis: see `watch-campaign.ts`. When the signal
 * aborts it ends everything, the master gracefully. When it dies of whatever cause the kernel ends both.
 *
 * @param dir the directory that `startGateway` prepared
 * @throws GridError `GATEWAY_FAILED` when proxy or master cannot be kept running; `GATEWAY_RUNNING` when another supervisor has the directory
 */
export async function runGatewaySupervisor(dir: string, signal: AbortSignal, log: Log = createLog()): Promise<void> {
  const spec = await readGatewaySpec(dir);
  if (!spec) throw new GridError("GATEWAY_FAILED", `${dir} holds no gateway.json; it is made by launch`);
  const self = identifyProcess(process.pid);
  if (!self) throw new GridError("GATEWAY_FAILED", "cannot read /proc; gridharvest needs Linux");
  const other = await readProcesses(dir);
  if (other && other.supervisor.pid !== self.pid && isAlive(other.supervisor)) {
    throw new GridError(
      "GATEWAY_RUNNING",
      `the gateway ${dir} has a supervisor already: process ${other.supervisor.pid}`,
    );
  }
  const record = createRecord(dir, self, log);
  await record.save();

  const over = new AbortController();
  let reason = "stopped";
  const end = (why: string): void => {
    if (over.signal.aborted) return;
    reason = why;
    log.info(`ending the gateway: ${why}`);
    over.abort();
  };
  const onAbort = (): void => end("told to stop");
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();

  let failure: unknown;
  const fail = (what: string) => (error: unknown) => {
    failure ??= error;
    end(`${what}: ${describeError(error)}`);
  };
  try {
    const secrets = await loadGatewaySecrets(spec.secretsDir);
    // Who only wants a way in, to end the campaign, needs Redis alone.
    const needed = spec.elasticsearch ? undefined : (["redis"] as const);
    const site = await findSiteServices(spec.site, log, over.signal, needed);
    const onUsersMade = (): void => {
      record.usersMade = true;
    };
    await Promise.all([
      keepProxy(dir, spec, site, secrets, record, log, over.signal).catch(fail("haproxy")),
      spec.elasticsearch
        ? keepMaster(dir, spec, spec.elasticsearch, secrets, record, log, over.signal).catch(fail("the master"))
        : undefined,
      site.keep(over.signal),
      watchCampaign(
        { dir, spec, secrets, site, log, onUsersMade, onLook: () => record.save(), onAbandoned: end },
        over.signal,
      ).catch(fail("watching")),
    ]);
  } catch (error) {
    fail("starting")(error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    await record.end(reason);
  }
  if (failure !== undefined) {
    throw new GridError("GATEWAY_FAILED", `the gateway ended: ${reason}; its logs are in ${dir}`, { cause: failure });
  }
}

/** What runs, kept in `processes.json` so that others find it. Exported for its test. */
export interface ProcessRecord {
  proxy: GuardedChild | undefined;
  master: GuardedChild | undefined;
  /** Both make the gateway open. */
  usersMade: boolean;
  proxyListens: boolean;
  /** Writes the file if anything changed. Never rejects: a full disk ends no gateway, the next look writes it. */
  save(): Promise<void>;
  end(reason: string): Promise<void>;
}

export function createRecord(dir: string, supervisor: ProcessIdentity, log: Log): ProcessRecord {
  let written = "";
  let queue = Promise.resolve();
  const identityOf = (child: GuardedChild | undefined): ProcessIdentity | undefined =>
    child === undefined || child.hasExited() ? undefined : child.identity;
  const write = (processes: GatewayProcesses): Promise<void> => {
    const text = JSON.stringify(processes);
    if (text === written) return queue;
    written = text;
    queue = queue.then(async () => {
      try {
        await writeProcesses(dir, processes);
      } catch (error) {
        log.warn("cannot write down which processes run", { error: describeError(error) });
        if (written === text) written = "";
      }
    });
    return queue;
  };
  const record: ProcessRecord = {
    proxy: undefined,
    master: undefined,
    usersMade: false,
    proxyListens: false,
    save() {
      const haproxy = identityOf(record.proxy);
      const launcher = identityOf(record.master);
      return write({
        supervisor,
        ...(haproxy ? { haproxy } : {}),
        master: launcher ? [...processTree(launcher.pid)] : [],
        open: record.usersMade && record.proxyListens,
      });
    },
    end: (reason) => write({ supervisor, master: [], open: false, ended: reason }),
  };
  return record;
}

async function throwIfFailed(name: string, logFile: string, spec: GatewaySpec, result: KeepResult): Promise<void> {
  if (result.kind !== "failed") return;
  if (name !== "haproxy" && result.exit.code === BOOTSTRAP_EXIT) {
    const failures = bootstrapFailures(readFileSync(logFile, "utf8"));
    throw new GridError("GATEWAY_FAILED", `${explainBootstrapFailures(hostname(), failures)} (${logFile})`);
  }
  const last = readFileSync(logFile, "utf8").trimEnd().split("\n").at(-1) ?? "";
  const taken = name === "haproxy" ? await takenProxyPorts(spec) : [];
  const others = taken.length === 0 ? "" : `; other programs may have its ports ${taken.join(", ")}`;
  throw new GridError(
    "GATEWAY_FAILED",
    `${name} ends again and again (${describeExit(result.exit)}), saying "${last.slice(0, 300)}"${others}; see ${logFile}`,
  );
}

/** Keeps the proxy, and starts it anew when a service that stands behind it moved. */
async function keepProxy(
  dir: string,
  spec: GatewaySpec,
  site: SiteServices,
  secrets: GatewaySecrets,
  record: ProcessRecord,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const files = gatewayFiles(dir);
  const command = findHaproxy();
  while (!signal.aborted) {
    const moved = site.moved();
    await provisionProxy(dir, spec, site.current(), secrets);
    const result = await keepChild(
      {
        name: "haproxy",
        launch: async () => {
          const output = openSync(files.proxyLog, "a", 0o644);
          try {
            record.proxy = spawnGuarded({
              command,
              args: ["-db", "-f", files.proxyConfig],
              env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
              cwd: files.proxy,
              output,
              runAs: spec.runAs,
              deathSignal: "TERM",
            });
          } finally {
            closeSync(output);
          }
          await record.save();
          if (!record.proxyListens) void noteListening(spec, secrets, record.proxy, record);
          return record.proxy;
        },
        mostFailures: 8,
        firstDelayMs: 100,
        longestDelayMs: 5_000,
        stableMs: STABLE_MS,
        stopGraceMs: 3_000,
        onFailure: (exit, failures) =>
          log.warn("haproxy ended; starting it again", { how: describeExit(exit), failures, log: files.proxyLog }),
      },
      AbortSignal.any([signal, moved]),
    );
    await throwIfFailed("haproxy", files.proxyLog, spec, result);
  }
}

/** Notes that the proxy listens as soon as it answers. It opens all of its ports or none. */
async function noteListening(
  spec: GatewaySpec,
  secrets: GatewaySecrets,
  child: GuardedChild,
  record: ProcessRecord,
): Promise<void> {
  while (!child.hasExited()) {
    const status = await httpsStatus({
      host: spec.outsideAddress,
      port: spec.ports.elasticsearch,
      authority: secrets.httpAuthority,
      client: secrets.orchestratorClient,
    });
    if (status !== undefined) {
      record.proxyListens = true;
      await record.save();
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function keepMaster(
  dir: string,
  spec: GatewaySpec,
  elasticsearch: MasterSpec,
  secrets: GatewaySecrets,
  record: ProcessRecord,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const files = gatewayFiles(dir);
  const { home, javaHome } = elasticsearch;
  const result = await keepChild(
    {
      name: "the master",
      launch: async () => {
        await provisionMaster(dir, spec, elasticsearch, secrets);
        // Revoked while the files were being written.
        if (existsSync(files.revoked)) await revokeLoader(dir, spec, secrets);
        const child = launchElasticsearch({
          home,
          javaHome,
          dir: files.master,
          logFile: files.masterLog,
          runAs: spec.runAs,
        });
        record.master = child;
        await record.save();
        void markFounded(files.founded, spec, secrets, child, record);
        return child;
      },
      mostFailures: 4,
      firstDelayMs: 500,
      longestDelayMs: 15_000,
      stableMs: STABLE_MS * 2,
      stopGraceMs: MASTER_STOP_MS,
      isHopeless: (exit) => exit.code === BOOTSTRAP_EXIT,
      onFailure: (exit, failures) =>
        log.warn("the master ended; starting it again", { how: describeExit(exit), failures, log: files.masterLog }),
    },
    signal,
  );
  await throwIfFailed("the master", files.masterLog, spec, result);
}

/** Notes that the cluster exists as soon as the master says so. */
async function markFounded(
  marker: string,
  spec: GatewaySpec,
  secrets: GatewaySecrets,
  child: GuardedChild,
  record: ProcessRecord,
): Promise<void> {
  while (!child.hasExited()) {
    const status = await httpsStatus({
      host: "127.0.0.1",
      port: spec.ports.masterHttp,
      authority: secrets.httpAuthority,
      auth: secrets.admin,
      path: "/_cluster/health",
    });
    if (status === 200) {
      if (!existsSync(marker)) await writeFile(marker, "").catch(() => undefined);
      await record.save();
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
