import type { Limit } from "./forecast.ts";

/** Stages of a load as people call them. */
export const STAGES: Readonly<Record<Limit["stage"], string>> = {
  archive: "archive",
  unpack: "unpacking, of the parsers' cores",
  parse: "parsers' cores, unpacking included",
  network: "busiest network leg of a node",
  store: "data nodes' cores, all together",
  busiestDataNode: "busiest data node",
  spool: "Redis",
  gatewayNetwork: "gateway host's network",
  connections: "connections through the proxy",
  machine: "cores of the machine",
  latency: "nothing is used up: answers, or the last chunks, are waited for",
  losses:
    "data nodes end before their shards have moved, and what they held is loaded again without end; a longer dataNodes.walltime, more data nodes, or dataNodes.replicas",
};

/** A share of 1 for people. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** What a load waits for, for people. */
export function limitText({ stage, utilisation }: Limit): string {
  return stage === "losses" ? STAGES.losses : `${STAGES[stage]} (${percent(utilisation)})`;
}
