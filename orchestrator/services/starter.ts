import { rmSync } from "node:fs";
import { join } from "node:path";

import { saveDashboards } from "../../monitoring/index.ts";
import { describeError, StoreError } from "../../worker/contract/errors.ts";
import type { ProcessIdentity } from "../../worker/contract/process.ts";
import type { Log } from "../log.ts";
import { findProgram } from "../runtimes/run-tool.ts";
import {
  daemonLog,
  isReachableByOthers,
  ownDirectory,
  startDaemon,
  STOP_GRACE_MS,
  stopDaemon,
  untilReady,
  type DaemonSpec,
  type RunAs,
} from "./daemon.ts";
import { migrateGraphiteWeb, probeGraphiteWeb, writeCarbonFiles, writeGraphiteWebFiles } from "./graphite.ts";
import type { ServicesConfig } from "./operator.ts";
import { accepts, ANSWER_MS, choosePort, isFree, SERVICE_HOST } from "./ports.ts";
import { probeRedis, writeRedisFiles } from "./redis.ts";
import {
  ensureRedisAdmin,
  liveProcess,
  recordOrNothing,
  recordProcess,
  SERVICE_TITLES,
  serviceDir,
  writeRecord,
  type EmbeddedName,
  type ServicesRecord,
} from "./record.ts";

const READY_MS = 60_000;
/** Reading a large append-only file takes minutes. */
const LOADING_MS = 15 * 60_000;
const PORT_ATTEMPTS = 3;

/** Starts embedded services, under the lock. The record is written after each process, so that what runs is always known. */
export class Starter {
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
