/** The services that outlive campaigns: Redis, carbon, graphite-web; the operator's or embedded ones. */
export { redisOptions, type RedisEndpoint, type Services } from "./endpoints.ts";
export { keepServices } from "./keep.ts";
export { missingPackages } from "./packages.ts";
export type { EmbeddedName } from "./record.ts";
export {
  embeddedServices,
  ensureServices,
  readServices,
  repairServices,
  SERVICE_TITLES,
  servicesStatus,
  stopServices,
  type ServicesConfig,
  type ServiceStatus,
} from "./site.ts";
