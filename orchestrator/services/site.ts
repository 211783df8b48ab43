import { realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ConfigError, describeError, StoreError } from "../../worker/contract/errors.ts";
import type { Log } from "../log.ts";
import type { StatePaths } from "../paths.ts";
import { withMachineLock } from "../runtimes/machine-lock.ts";
import { makeStateDir } from "../state-dir.ts";
import { STOP_GRACE_MS, stopDaemon } from "./daemon.ts";
import { embeddedOf, servicesOf } from "./embedded.ts";
import type { Services } from "./endpoints.ts";
import { probeGraphiteWeb } from "./graphite.ts";
import { operatorServices, type OperatorServices, type ServicesConfig } from "./operator.ts";
import { requirePackages } from "./packages.ts";
import { accepts, ANSWER_MS } from "./ports.ts";
import {
  EMBEDDED_NAMES,
  liveProcess,
  makeServicesDir,
  readRecord,
  readRedisAdmin,
  recordOrNothing,
  SERVICE_TITLES,
  serviceDir,
  writeRecord,
  type EmbeddedName,
  type ServicesRecord,
} from "./record.ts";
import { checkOperatorRedis } from "./redis.ts";
import { Starter } from "./starter.ts";

const PROBE_BYTES = 2 ** 18;

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
    await withMachineLock(lockName(dir), () => new Starter(config, dir, log, signal).up(wanted), {
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
      await new Starter(config, dir, log, signal).up(died);
      return died;
    },
    signal ? { signal } : {},
  );
}

function diedUnasked(record: ServicesRecord): readonly EmbeddedName[] {
  return EMBEDDED_NAMES.filter((name) => record[name]?.process && !liveProcess(record[name]));
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
