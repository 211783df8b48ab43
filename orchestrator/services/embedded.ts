import type { Config } from "../config-schema.ts";
import type { RedisEndpoint, Services } from "./endpoints.ts";
import { operatorServices, type OperatorServices } from "./operator.ts";
import { SERVICE_HOST } from "./ports.ts";
import { EMBEDDED_NAMES, type EmbeddedName, type RedisAdmin, type ServicesRecord } from "./record.ts";

/** Which services are not the operator's. @throws ConfigError `SERVICES_CONFIG` */
export function embeddedServices(services: Config["services"]): readonly EmbeddedName[] {
  return embeddedOf(operatorServices({ services }));
}

export function embeddedOf(operator: OperatorServices): readonly EmbeddedName[] {
  return EMBEDDED_NAMES.filter((name) =>
    // The embedded graphite-web shows what the embedded carbon stores.
    name === "graphiteWeb" ? !operator.carbon : !operator[name],
  );
}

/** The operator's services and the recorded ones together, as campaigns use them. */
export function servicesOf(
  operator: OperatorServices,
  record: ServicesRecord,
  admin: RedisAdmin | undefined,
): Services {
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
