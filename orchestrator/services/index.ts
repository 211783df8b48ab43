/** The services that outlive campaigns: Redis, carbon, graphite-web; the operator's or embedded ones. */
export { embeddedServices } from "./embedded.ts";
export { redisOptions, type RedisEndpoint, type Services } from "./endpoints.ts";
export { keepServices } from "./keep.ts";
export type { ServicesConfig } from "./operator.ts";
export { missingPackages } from "./packages.ts";
export { SERVICE_TITLES, type EmbeddedName } from "./record.ts";
export { ensureServices, readServices, repairServices, stopServices } from "./site.ts";
export { servicesStatus, type ServiceStatus } from "./status.ts";
