import type { JobSpec } from "./batch-system.ts";
import type { NodeStatus } from "./node-status.ts";

/**
 * The host for a job that must keep away from some: one that is up, not excluded, big enough and has the properties. Hosts with
 * room come first, then those with more of it, then those named less often before, so that jobs submitted in a
 * row do not all wait for one host. Pure.
 * @param named how often each host was named before
 * @returns undefined when none is left
 */
export function pickHost(
  nodes: readonly NodeStatus[],
  spec: Pick<JobSpec, "cpus" | "properties" | "excludeHosts">,
  named: ReadonlyMap<string, number>,
): string | undefined {
  const { cpus, properties = [], excludeHosts = [] } = spec;
  const room = (node: NodeStatus): number => {
    const free = node.freeSlots ?? node.slots;
    return node.state === "free" && free >= cpus ? free : 0;
  };
  return nodes
    .filter(
      ({ name, state }) => (state === "free" || state === "busy") && !excludeHosts.some((host) => isHost(name, host)),
    )
    .filter((node) => node.slots >= cpus && properties.every((property) => has(node, property)))
    .sort(
      (a, b) => room(b) - room(a) || (named.get(a.name) ?? 0) - (named.get(b.name) ?? 0) || (a.name < b.name ? -1 : 1),
    )[0]?.name;
}

/** `node1` and `node1.site.org` are one host: `exec_host` and `pbsnodes` need not agree on the domain. */
function isHost(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

/** Asking for `big` is asking for `big=True` where properties have values. */
function has(node: NodeStatus, property: string): boolean {
  return node.properties.includes(property) || node.properties.includes(`${property}=True`);
}
