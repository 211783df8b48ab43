import type { Costs } from "./costs.ts";

/** How often agents and parsers look at Redis, as the sources have it. */
const HEARTBEAT_SECONDS = 3;
const AGENT_LOOKS_PER_SECOND = 1;
/** The load's generation, the version of the list of data nodes, the budgets, its figures, and the limits. */
const PARSER_LOOKS_PER_SECOND = 5;
const COMMAND_BYTES = 400;

/** How parsers learn the data nodes' addresses: the whole list each second, or only when it has changed. */
export type NodeList = "each second" | "when changed";
export const NODE_LIST: NodeList = "when changed";

/** Connections through the proxy that one node holds. */
export const CONNECTIONS = { dataNode: 2, parser: 5 } as const;
/** Connections that the proxy takes: `maxconn` of `templates/proxy/haproxy.cfg.tmpl`, to which a test compares it. */
export const PROXY_CONNECTIONS = 4096;

/** What so many nodes ask of Redis and of the gateway host all the time, whatever is loaded. */
export interface GatewayLoad {
  /** Share of Redis's only thread. */
  readonly redis: number;
  readonly bytesPerSecond: number;
  readonly connections: number;
}

/** Pure arithmetic: no event of its own, since it goes on evenly. */
export function gatewayLoad(dataNodes: number, parsers: number, costs: Costs, list: NodeList = NODE_LIST): GatewayLoad {
  const nodes = dataNodes + parsers;
  const commands = nodes * (1 / HEARTBEAT_SECONDS + AGENT_LOOKS_PER_SECOND) + parsers * PARSER_LOOKS_PER_SECOND;
  const entries = list === "each second" ? parsers * nodes : 0;
  return {
    redis: (commands * costs.redisMicrosPerCommand + entries * costs.redisMicrosPerRegistration) / 1e6,
    bytesPerSecond: commands * COMMAND_BYTES + entries * costs.registrationBytes,
    connections: dataNodes * CONNECTIONS.dataNode + parsers * CONNECTIONS.parser,
  };
}
