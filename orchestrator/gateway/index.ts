/** The gateway of a campaign: haproxy and the master, kept by a supervisor of their own, on a host that may be another one. */
export { answerAtGateway, atGateway, gatewayPrefix, listenAtGateway } from "./at-gateway.ts";
export type { GatewayAnswers, GatewayRequest } from "./carry-out.ts";
export { readGateway, startGateway, type GatewayOptions } from "./start.ts";
export { masterStatus, untilMasterAnswers, type GatewayVisitor } from "./ready.ts";
export { stopGateway } from "./stop.ts";
export { runGatewaySupervisor } from "./supervisor.ts";
export {
  gatewayReportSchema,
  gatewayState,
  readGatewaySpec,
  type GatewayReport,
  type GatewaySite,
  type GatewayState,
} from "./state.ts";
export { REPORTED_MASTER } from "./watch-campaign.ts";
export { bindingProblem, type Listener } from "./ports.ts";
