import type { StatePaths } from "../paths.ts";
import { daemonLog } from "./daemon.ts";
import { embeddedOf, servicesOf } from "./embedded.ts";
import { probeGraphiteWeb } from "./graphite.ts";
import { operatorServices, type OperatorServices, type ServicesConfig } from "./operator.ts";
import { accepts, ANSWER_MS, SERVICE_HOST } from "./ports.ts";
import { probeRedis } from "./redis.ts";
import {
  EMBEDDED_NAMES,
  liveProcess,
  readRecord,
  readRedisAdmin,
  SERVICE_TITLES,
  serviceDir,
  type EmbeddedName,
  type RedisAdmin,
  type ServicesRecord,
} from "./record.ts";

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
