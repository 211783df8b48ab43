export {
  createGraphiteSender,
  type CarbonTarget,
  type ClientTls,
  type GraphiteSender,
  type GraphiteSenderOptions,
  type Point,
  type SenderStats,
} from "./graphite.ts";
export { createMeter, type Meter, type MeterOptions } from "./meter.ts";
export {
  METRICS,
  type CountName,
  type GaugeName,
  type MetricKind,
  type MetricName,
  type MetricRole,
} from "./metrics.ts";
export {
  countMetricPaths,
  dashboardAddresses,
  postEvent,
  saveDashboards,
  type DashboardAddress,
  type GraphiteEvent,
  type WebTarget,
} from "./graphite-web.ts";
export type { DashboardScope } from "./dashboards.ts";
