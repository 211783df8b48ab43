import { realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { saveDashboards } from "../../monitoring/index.ts";
import { ConfigError, describeError, StoreError } from "../../worker/contract/errors.ts";
import type { ProcessIdentity } from "../../worker/contract/process.ts";
import type { Config } from "../config-schema.ts";
import type { Log } from "../log.ts";
import type { StatePaths } from "../paths.ts";
import { withMachineLock } from "../runtimes/machine-lock.ts";
import { findProgram } from "../runtimes/run-tool.ts";
import { makeStateDir } from "../state-dir.ts";
import {
  daemonLog,
  isReachableByOthers,
  ownDirectory,
  startDaemon,
  stopDaemon,
  untilReady,
  type DaemonSpec,
  type RunAs,
} from "./daemon.ts";
import type { RedisEndpoint, Services } from "./endpoints.ts";
import { migrateGraphiteWeb, probeGraphiteWeb, writeCarbonFiles, writeGraphiteWebFiles } from "./graphite.ts";
import { operatorServices, type OperatorServices } from "./operator.ts";
import { requirePackages } from "./packages.ts";
import { accepts, choosePort, isFree, SERVICE_HOST } from "./ports.ts";
import { checkOperatorRedis, probeRedis, writeRedisFiles } from "./redis.ts";
import {
  EMBEDDED_NAMES,
  ensureRedisAdmin,
  liveProcess,
  makeServicesDir,
  readRecord,
  readRedisAdmin,
  recordProcess,
  serviceDir,
  writeRecord,
  type EmbeddedName,
  type RedisAdmin,
  type ServicesRecord,
} from "./record.ts";

/** What of the configuration the services depend on. */
export type ServicesConfig = Pick<Config, "services" | "metrics">;

/** What people call the embedded services. */
export const SERVICE_TITLES: Readonly<Record<EmbeddedName, string>> = {
  redis: "Redis",
  carbon: "carbon",
  graphiteWeb: "graphite-web",
};

const READY_MS = 60_000;
/** Reading a large append-only file takes minutes. */
const LOADING_MS = 15 * 60_000;
const STOP_GRACE_MS = 10_000;
const PORT_ATTEMPTS = 3;
const PROBE_BYTES = 2 ** 18;
const ANSWER_MS = 5_000;

/** Names of characters that every one of the rendered configurations can hold. */
const WRITABLE_PATH = /^\/[\p{L}\p{N} /._,+@=~-]*$/u;

/**
 * Makes sure that the services of the site run: the operator's are looked at, the embedded ones are started, or started
 * again when one has died, on the same port and with its data. Doing it again changes nothing and takes milliseconds.
 * Several processes may do it at once.
 *
 * @param needed which of them; who only ends something needs Redis alone
 * @throws ConfigError `SERVICE_MISSING` with the command that installs what is missing, `STATE_DIR_UNUSABLE`, `SERVICES_CONFIG`, `REDIS_EVICTS`,
 *   `REDIS_NOT_DURABLE`, `REDIS_TOO_OLD`, `REDIS_DENIED`; StoreError `REDIS_UNREACHABLE`, `SERVICE_START_FAILED`,
 *   `SERVICE_UNRESPONSIVE`, `NO_FREE_PORT`
 */
export async function ensureServices(
  config: ServicesConfig,
  paths: StatePaths,
  log: Log,
  signal?: AbortSignal,
  needed: readonly EmbeddedName[] = EMBEDDED_NAMES,
): Promise<Services> {
  const operator = operatorServices(config);
  if (operator.redis && needed.includes("redis"))
    for (const remark of await checkOperatorRedis(operator.redis)) log.warn(remark);
  if (needed.includes("carbon")) await lookAtGraphite(operator, log);
  const wanted = embeddedOf(operator).filter((name) => needed.includes(name));
  if (wanted.length > 0) {
    requirePackages(wanted);
    await makeStateDir(paths.stateDir);
    const dir = servicesDir(paths);
    await withMachineLock(lockName(dir), () => new Site(config, dir, log, signal).up(wanted), {
      ...(signal ? { signal } : {}),
      onWait: () => log.info("another process is starting or stopping the services; waiting for it"),
    });
  }
  return readServices(config, paths, needed);
}

/**
 * The services as they run, without starting or asking any.
 * @throws StoreError `SERVICES_DOWN` when an embedded one that is needed does not run
 */
export async function readServices(
  config: ServicesConfig,
  paths: StatePaths,
  needed: readonly EmbeddedName[] = EMBEDDED_NAMES,
): Promise<Services> {
  const operator = operatorServices(config);
  const embedded = embeddedOf(operator);
  const record = embedded.length === 0 ? {} : readRecord(paths.services);
  const down = embedded.filter((name) => needed.includes(name) && !liveProcess(record[name]));
  const admin = embedded.includes("redis") ? readRedisAdmin(paths.services) : undefined;
  if (down.length > 0 || (embedded.includes("redis") && !admin)) {
    const names = down.map((name) => SERVICE_TITLES[name]).join(", ") || "Redis";
    throw new StoreError(
      "SERVICES_DOWN",
      `the services below ${paths.services} do not run (${names}); start them: gridharvest services up`,
      {
        context: { dir: paths.services, down: names },
      },
    );
  }
  return servicesOf(operator, record, admin);
}

/**
 * Ends the embedded services, TERM first. Their data stays. Returns the names of those that ran; none is success.
 */
export async function stopServices(paths: StatePaths, log: Log): Promise<readonly EmbeddedName[]> {
  const dir = existingDir(paths.services);
  if (dir === undefined) return [];
  return await withMachineLock(lockName(dir), async () => {
    const record = recordOrNothing(dir, log);
    const leaders = new Map(EMBEDDED_NAMES.map((name) => [name, liveProcess(record[name])]));
    // Before anything ends: whoever repairs what has died must see that this is wanted.
    for (const name of EMBEDDED_NAMES) delete record[name]?.process;
    writeRecord(dir, record);
    // Redis last: it is what others depend on.
    const stopped: EmbeddedName[] = [];
    for (const name of EMBEDDED_NAMES.toReversed()) {
      if (!(await stopDaemon(serviceDir(dir, name), leaders.get(name), STOP_GRACE_MS))) continue;
      stopped.push(name);
      log.info(`${SERVICE_TITLES[name]} ended`);
    }
    return stopped.reverse();
  });
}

/**
 * Starts those embedded services again whose process is recorded and gone. Those that `services down` ended are not: it takes
 * their process out of the record. Returns what was started; looking alone costs a file and three reads in `/proc`.
 * @throws as `ensureServices`
 */
export async function repairServices(
  config: ServicesConfig,
  paths: StatePaths,
  log: Log,
  signal?: AbortSignal,
): Promise<readonly EmbeddedName[]> {
  if (diedUnasked(readRecord(paths.services)).length === 0) return [];
  const dir = servicesDir(paths);
  return await withMachineLock(
    lockName(dir),
    async () => {
      // Once more under the lock: somebody may have repaired it, or ended everything, meanwhile.
      const died = diedUnasked(readRecord(dir));
      if (died.length === 0) return [];
      log.warn(`died: ${died.map((name) => SERVICE_TITLES[name]).join(", ")}; starting again`);
      requirePackages(died);
      await new Site(config, dir, log, signal).up(died);
      return died;
    },
    signal ? { signal } : {},
  );
}

function diedUnasked(record: ServicesRecord): readonly EmbeddedName[] {
  return EMBEDDED_NAMES.filter((name) => record[name]?.process && !liveProcess(record[name]));
}

/** One line of `services status`. */
export interface ServiceStatus {
  readonly name: EmbeddedName;
  readonly title: string;
  /** The operator's, started by us, or not used. */
  readonly kind: "operator" | "embedded" | "none";
  readonly state: "up" | "down" | "unresponsive";
  readonly address?: string;
  readonly pid?: number;
  readonly startedAt?: string;
  readonly log?: string;
}

/** Asks every service whether it works. Starts nothing, throws only for a configuration that cannot be read. */
export async function servicesStatus(config: ServicesConfig, paths: StatePaths): Promise<readonly ServiceStatus[]> {
  const operator = operatorServices(config);
  const wanted = embeddedOf(operator);
  const record = readRecord(paths.services);
  const admin = readRedisAdmin(paths.services);
  return await Promise.all(
    EMBEDDED_NAMES.map(async (name): Promise<ServiceStatus> => {
      const common = { name, title: SERVICE_TITLES[name] };
      if (!wanted.includes(name)) {
        const address = addressOf(name, operator);
        if (address === undefined) return { ...common, kind: "none", state: "down" };
        const answers = await answersAt(name, operator, undefined, undefined);
        return { ...common, kind: "operator", state: answers ? "up" : "down", address };
      }
      const process = liveProcess(record[name]);
      const port = record[name]?.port;
      const log = daemonLog(serviceDir(paths.services, name));
      if (!process || port === undefined) return { ...common, kind: "embedded", state: "down" };
      return {
        ...common,
        kind: "embedded",
        state: (await answersAt(name, operator, record, admin)) ? "up" : "unresponsive",
        address: name === "graphiteWeb" ? `http://${SERVICE_HOST}:${String(port)}` : `${SERVICE_HOST}:${String(port)}`,
        pid: process.pid,
        startedAt: process.startedAt,
        log,
      };
    }),
  );
}

/** Starting, under the lock. The record is written after each process, so that what runs is always known. */
class Site {
  readonly #config: ServicesConfig;
  readonly #dir: string;
  readonly #log: Log;
  readonly #signal: AbortSignal | undefined;
  readonly #record: ServicesRecord;
  readonly #runAs: RunAs | undefined;

  constructor(config: ServicesConfig, dir: string, log: Log, signal: AbortSignal | undefined) {
    this.#config = config;
    this.#dir = dir;
    this.#log = log;
    this.#signal = signal;
    this.#record = recordOrNothing(dir, log);
    this.#runAs = runAsOf(config, dir);
  }

  async up(wanted: readonly EmbeddedName[]): Promise<void> {
    // Redis beside the two that depend on each other. Both are waited for: none is left half started behind an error.
    const results = await Promise.allSettled([
      wanted.includes("redis") ? this.#redis() : undefined,
      this.#graphite(wanted),
    ]);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #redis(): Promise<void> {
    const admin = ensureRedisAdmin(this.#dir);
    await this.#ensure("redis", {
      probe: (port) => probeRedis({ host: SERVICE_HOST, port, ...admin }),
      prepare: async (dir, port) => {
        const configFile = writeRedisFiles(dir, port, admin);
        const program = findProgram("redis-server") ?? "/usr/bin/redis-server";
        return { name: "Redis", dir, argv: [program, configFile], runAs: this.#runAs };
      },
      remember: (port) => {
        this.#record.redis = { port };
      },
    });
  }

  async #graphite(wanted: readonly EmbeddedName[]): Promise<void> {
    if (wanted.includes("carbon")) await this.#carbon();
    if (wanted.includes("graphiteWeb") || this.#webIsBehind()) await this.#web();
  }

  async #carbon(): Promise<void> {
    await this.#ensure("carbon", {
      probe: (port) => accepts(SERVICE_HOST, port, ANSWER_MS),
      prepare: async (dir, port) => {
        const queryPort = await choosePort(this.#record.carbon?.queryPort, this.#otherPorts("carbon", port));
        // A stale one would keep it from starting once its number belongs to another process.
        rmSync(join(dir, "carbon.pid"), { force: true });
        const argv = writeCarbonFiles(dir, port, queryPort);
        this.#record.carbon = { port, queryPort };
        return { name: "carbon", dir, argv, env: { PYTHONNOUSERSITE: "1" }, runAs: this.#runAs };
      },
      remember: () => {},
    });
  }

  /** Whether a graphite-web runs that asks carbon at a port that carbon has left. */
  #webIsBehind(): boolean {
    const { carbon, graphiteWeb } = this.#record;
    return graphiteWeb?.queryPort !== carbon?.queryPort && liveProcess(graphiteWeb) !== undefined;
  }

  async #web(): Promise<void> {
    const carbonDir = serviceDir(this.#dir, "carbon");
    const queryPort = this.#record.carbon?.queryPort;
    if (queryPort === undefined) return;
    if (this.#webIsBehind()) {
      this.#log.info("graphite-web is started again: carbon listens at another port");
      await stopDaemon(serviceDir(this.#dir, "graphiteWeb"), liveProcess(this.#record.graphiteWeb), STOP_GRACE_MS);
    }
    const started = await this.#ensure("graphiteWeb", {
      probe: (port) => probeGraphiteWeb(`http://${SERVICE_HOST}:${String(port)}`, ANSWER_MS),
      prepare: async (dir, port) => {
        const files = writeGraphiteWebFiles(dir, { port, queryPort, carbonDir });
        ownDirectory(dir, this.#runAs);
        await migrateGraphiteWeb(dir, files, this.#runAs, this.#signal);
        return { name: "graphite-web", dir, argv: files.argv, env: files.env, runAs: this.#runAs };
      },
      remember: (port) => {
        this.#record.graphiteWeb = { port, queryPort };
      },
    });
    if (started !== undefined) {
      const scope = { prefix: this.#config.metrics.prefix, campaign: "*" };
      const web = { url: `http://${SERVICE_HOST}:${String(started)}` };
      await saveDashboards(web, scope, this.#signal).catch((error: unknown) => {
        this.#signal?.throwIfAborted();
        this.#log.warn(
          `the dashboards could not be saved: ${describeError(error)}; gridharvest dashboard tries it again`,
        );
      });
    }
  }

  /** Returns the port if the service had to be started. */
  async #ensure(
    name: EmbeddedName,
    how: {
      readonly probe: (port: number) => Promise<boolean | "busy">;
      readonly prepare: (dir: string, port: number) => Promise<DaemonSpec>;
      readonly remember: (port: number) => void;
    },
  ): Promise<number | undefined> {
    const title = SERVICE_TITLES[name];
    const dir = serviceDir(this.#dir, name);
    const before = this.#record[name];
    const live = liveProcess(before);
    if (before && live) {
      await this.#untilAnswering(title, dir, live, () => how.probe(before.port));
      return undefined;
    }
    // One that was never recorded, or children of a killed one: two must not share the directory.
    if (await stopDaemon(dir, undefined, STOP_GRACE_MS)) this.#log.warn(`ended what was left of an earlier ${title}`);
    ownDirectory(dir, this.#runAs);

    for (let attempt = 1; ; attempt++) {
      this.#signal?.throwIfAborted();
      const port = await choosePort(before?.port, this.#otherPorts(name));
      if (before && before.port !== port) {
        this.#log.warn(
          `port ${String(before.port)} of ${title} is taken by another program: it now listens at ${String(port)}; campaigns under way must be adopted anew`,
        );
      }
      const spec = await how.prepare(dir, port);
      how.remember(port);
      ownDirectory(dir, this.#runAs);
      const identity = startDaemon(spec);
      this.#keep(name, identity);
      try {
        await untilReady(spec, identity, () => how.probe(port), {
          timeoutMs: READY_MS,
          busyTimeoutMs: LOADING_MS,
          signal: this.#signal,
        });
        this.#log.info(`${title} ${before?.process ? "started again" : "started"}`, {
          address: `${SERVICE_HOST}:${String(port)}`,
          pid: identity.pid,
        });
        return port;
      } catch (error) {
        await stopDaemon(dir, identity, STOP_GRACE_MS);
        this.#keep(name, undefined);
        // Somebody took the port between our look and its start: another one then.
        if (attempt < PORT_ATTEMPTS && !this.#signal?.aborted && !(await isFree(port))) continue;
        throw error;
      }
    }
  }

  async #untilAnswering(
    title: string,
    dir: string,
    live: ProcessIdentity,
    probe: () => Promise<boolean | "busy">,
  ): Promise<void> {
    try {
      await untilReady({ name: title, dir }, live, probe, {
        timeoutMs: 20_000,
        busyTimeoutMs: LOADING_MS,
        signal: this.#signal,
      });
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      throw new StoreError(
        "SERVICE_UNRESPONSIVE",
        `${title} (process ${String(live.pid)}) runs and does not answer; look at ${daemonLog(dir)}, then: gridharvest services down && gridharvest services up`,
        { context: { service: title, log: daemonLog(dir) }, cause },
      );
    }
  }

  #keep(name: EmbeddedName, identity: ProcessIdentity | undefined): void {
    const entry = this.#record[name];
    if (!entry) return;
    if (identity) entry.process = recordProcess(identity);
    else delete entry.process;
    writeRecord(this.#dir, this.#record);
  }

  /** Ports that the other services use or will want again. */
  #otherPorts(name: EmbeddedName, ...more: readonly number[]): ReadonlySet<number> {
    const { redis, carbon, graphiteWeb } = this.#record;
    const ports = [
      name === "redis" ? undefined : redis?.port,
      name === "carbon" ? undefined : carbon?.port,
      name === "carbon" ? undefined : carbon?.queryPort,
      name === "graphiteWeb" ? undefined : graphiteWeb?.port,
      ...more,
    ];
    return new Set(ports.filter((port) => port !== undefined));
  }
}

/** The configuration's unprivileged user when we are root and that user could get to its files. */
function runAsOf(config: ServicesConfig, dir: string): RunAs | undefined {
  if (process.getuid?.() !== 0 || !isReachableByOthers(join(dir, "redis"))) return undefined;
  return { uid: config.services.runAsUid, gid: config.services.runAsUid };
}

/** Which services are not the operator's. @throws ConfigError `SERVICES_CONFIG` */
export function embeddedServices(services: Config["services"]): readonly EmbeddedName[] {
  return embeddedOf(operatorServices({ services }));
}

function embeddedOf(operator: OperatorServices): readonly EmbeddedName[] {
  return EMBEDDED_NAMES.filter((name) =>
    // The embedded graphite-web shows what the embedded carbon stores.
    name === "graphiteWeb" ? !operator.carbon : !operator[name],
  );
}

function servicesOf(operator: OperatorServices, record: ServicesRecord, admin: RedisAdmin | undefined): Services {
  const at = (name: EmbeddedName): { host: string; port: number } => ({
    host: SERVICE_HOST,
    port: record[name]?.port ?? 0,
  });
  const redis: RedisEndpoint = operator.redis ?? { ...at("redis"), ...admin };
  const graphiteWeb = operator.carbon
    ? operator.graphiteWeb
    : { url: `http://${SERVICE_HOST}:${String(at("graphiteWeb").port)}` };
  return {
    redis,
    carbon: operator.carbon ?? at("carbon"),
    ...(graphiteWeb ? { graphiteWeb } : {}),
    embedded: { redis: !operator.redis, carbon: !operator.carbon, graphiteWeb: !operator.carbon },
  };
}

function addressOf(name: EmbeddedName, operator: OperatorServices): string | undefined {
  if (name === "graphiteWeb") return operator.graphiteWeb?.url;
  const endpoint = operator[name];
  return endpoint && `${endpoint.host}:${String(endpoint.port)}`;
}

async function answersAt(
  name: EmbeddedName,
  operator: OperatorServices,
  record: ServicesRecord | undefined,
  admin: RedisAdmin | undefined,
): Promise<boolean> {
  const services = servicesOf(operator, record ?? {}, admin);
  try {
    switch (name) {
      case "redis":
        return (await probeRedis(services.redis)) !== false;
      case "carbon":
        return await accepts(services.carbon.host, services.carbon.port, ANSWER_MS);
      case "graphiteWeb":
        return services.graphiteWeb !== undefined && (await probeGraphiteWeb(services.graphiteWeb.url, ANSWER_MS));
    }
  } catch {
    return false;
  }
}

/** Metrics are history, nothing decides by them: the operator's Graphite being away stops no campaign. */
async function lookAtGraphite(operator: OperatorServices, log: Log): Promise<void> {
  const { carbon, graphiteWeb } = operator;
  if (carbon && !(await accepts(carbon.host, carbon.port, ANSWER_MS))) {
    log.warn(
      `carbon at ${carbon.host}:${String(carbon.port)} does not answer: metrics are buffered until it does; see services.graphite.carbon`,
    );
  }
  if (graphiteWeb && !(await probeGraphiteWeb(graphiteWeb.url, ANSWER_MS))) {
    log.warn(
      `graphite-web at ${graphiteWeb.url} does not answer: there will be no dashboards; see services.graphite.web`,
    );
  }
}

/** The directory of the services, made, as the kernel names it: that is how their processes are found. */
function servicesDir(paths: StatePaths): string {
  makeServicesDir(paths.services);
  const dir = realpathSync(paths.services);
  if (!WRITABLE_PATH.test(dir)) {
    throw new ConfigError(
      "SERVICES_CONFIG",
      `the state directory ${JSON.stringify(dir)} holds characters that configurations of services cannot; use letters, digits and / . _ - only`,
      {
        context: { dir },
      },
    );
  }
  const probe = join(dir, `.write-probe-${String(process.pid)}`);
  try {
    // Some bytes: a full disk still takes an empty file.
    writeFileSync(probe, Buffer.alloc(PROBE_BYTES));
  } catch (cause) {
    throw new ConfigError(
      "SERVICES_CONFIG",
      `nothing can be written below ${dir}: ${describeError(cause)}; choose another stateDir or free some space`,
      { context: { dir } },
    );
  } finally {
    rmSync(probe, { force: true });
  }
  return dir;
}

function existingDir(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function lockName(dir: string): string {
  return `services ${dir}`;
}

/** Whoever starts or stops goes on without a record: processes are found by their directory. */
function recordOrNothing(dir: string, log: Log): ServicesRecord {
  try {
    return readRecord(dir);
  } catch (error) {
    log.warn(describeError(error));
    return {};
  }
}
