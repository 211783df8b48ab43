/** The gateway of a campaign: haproxy and the master, kept by a supervisor of their own. */
export { readGateway, startGateway, type GatewayOptions } from "./start.ts";
export { stopGateway } from "./stop.ts";
export { runGatewaySupervisor } from "./supervisor.ts";
export type { GatewayState } from "./state.ts";
export { checkGatewayPrograms } from "./provision.ts";
