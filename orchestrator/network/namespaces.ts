import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Argv } from "../../pbs/batch-system.ts";
import { ConfigError, describeError, GridError } from "../../worker/contract/errors.ts";
import { runTool } from "../runtimes/run-tool.ts";
import { spacesOf, type NetworkName, type NetworkPlan, type Space } from "./address-plan.ts";

/**
 * A private VLAN on one machine, made of network namespaces: a hub with a bridge for each network, and namespaces
 * whose only links are legs on them. The machine's own namespace has no leg, so nothing of the private network can be reached
 * from it, nor anything of it from there. A namespace is entered with a command that `enterNamespace` begins.
 *
 * Both ends of every link are made inside of their namespaces. Outside of them there are only the names of the namespaces,
 * and those begin with the prefix: it alone is enough to remove everything.
 */

/** Where `ip netns` keeps the names. @source ip-netns(8) */
const NAMES_DIR = "/run/netns";

export function namespaceFile(namespace: string): string {
  return join(NAMES_DIR, namespace);
}

/**
 * The words in front of a command that shall run in a namespace. `ip netns exec` would also give it a new /sys, in which
 * the control groups are missing that batch systems need. The process that is started becomes the command.
 * @source nsenter(1); slurmd 22.05 does not start under `ip netns exec`
 */
export function enterNamespace(namespace: string): readonly [string, ...string[]] {
  return ["nsenter", `--net=${namespaceFile(namespace)}`, "--"];
}

/** Runs in each new namespace: no IPv6, no forwarding (which is inherited from the machine), loopback up. @source ip-sysctl.rst */
const SET_UP = `
for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do [ ! -e "$f" ] || echo 1 > "$f" || exit 1; done
echo 0 > /proc/sys/net/ipv4/ip_forward && ip link set lo up`;

/** The commands that make the network, in order. Each must succeed. */
export function creationCommands(plan: NetworkPlan): readonly Argv[] {
  const networks = Object.keys(plan.ranges) as NetworkName[];
  const spaces = spacesOf(plan);
  const all = [plan.hub, ...spaces.map(({ namespace }) => namespace)];
  return [
    ...all.map((namespace): Argv => ["ip", "netns", "add", namespace]),
    ...all.map((namespace): Argv => [...enterNamespace(namespace), "sh", "-c", SET_UP]),
    ...networks.flatMap((network): Argv[] => [
      ["ip", "-n", plan.hub, "link", "add", network, "type", "bridge"],
      ["ip", "-n", plan.hub, "link", "set", network, "up"],
    ]),
    ...spaces.flatMap((space) => legCommands(plan, space)),
    ...spaces
      .filter(({ addresses }) => Object.keys(addresses).length > 1)
      .flatMap((space) => wallCommands(plan, space)),
    ...(plan.head ? [plan.gateway, plan.head] : []).map((space) => apartCommand(plan, space)),
  ];
}

/** The name of a space's end of a leg in the hub. */
function hubLink(network: NetworkName, space: Space): string {
  return `${network.charAt(0)}-${space.name}`;
}

function legCommands(plan: NetworkPlan, { name, namespace, addresses }: Space): Argv[] {
  return (Object.entries(addresses) as [NetworkName, string][]).flatMap(([network, address]): Argv[] => {
    const port = hubLink(network, { name, namespace, addresses });
    const bits = plan.ranges[network]?.split("/")[1] ?? "24";
    return [
      ["ip", "-n", plan.hub, "link", "add", port, "type", "veth", "peer", "name", network, "netns", namespace],
      ["ip", "-n", plan.hub, "link", "set", port, "master", network, "up"],
      ["ip", "-n", namespace, "address", "add", `${address}/${bits}`, "dev", network],
      ["ip", "-n", namespace, "link", "set", network, "up"],
    ];
  });
}

/**
 * Linux answers on each of its addresses whichever leg a packet comes in by, also without forwarding: a neighbour that adds a route would
 * reach the other leg's address. These rules, asked before the table of own addresses, let nobody across.
 * @source ip-rule(8), RFC 1122 3.3.4.2 (weak host model)
 */
function wallCommands({ ranges }: NetworkPlan, { namespace, addresses }: Space): Argv[] {
  const ip = (...words: string[]): Argv => ["ip", "-n", namespace, "rule", ...words];
  const legs = Object.keys(addresses) as NetworkName[];
  return [
    ...legs.flatMap((from) =>
      legs
        .filter((to) => to !== from)
        .map((to) => ip("add", "pref", "10", "iif", from, "to", ranges[to] ?? "", "blackhole")),
    ),
    ip("add", "pref", "20", "lookup", "local"),
    ip("del", "pref", "0"),
  ];
}

/**
 * Gateway and head are for those outside, not for each other: ports of the outside network's bridge that are isolated hear only others that are not.
 * @source ip-link(8), bridge_slave isolated
 */
function apartCommand(plan: NetworkPlan, space: Space): Argv {
  return ["ip", "-n", plan.hub, "link", "set", hubLink("outside", space), "type", "bridge_slave", "isolated", "on"];
}

/** The commands that take a leg down or bring it up again: a cable drawn from the switch. */
export function linkCommand(plan: NetworkPlan, space: Space, network: NetworkName, state: "up" | "down"): Argv {
  return ["ip", "-n", plan.hub, "link", "set", hubLink(network, space), state];
}

/** The commands that remove namespaces. Their links go with the hub's, what still runs in them goes on without any. */
export function removalCommands(namespaces: readonly string[]): readonly Argv[] {
  const hubFirst = [...namespaces].sort((a, b) => Number(b.endsWith("-hub")) - Number(a.endsWith("-hub")));
  return hubFirst.map((namespace): Argv => ["ip", "netns", "delete", namespace]);
}

/** What stands in the record: written before the first command, and again once all of it is there. */
interface NetworkRecord {
  readonly state: "building" | "ready";
  readonly plan: NetworkPlan;
}

/**
 * Makes the network, unless it is there as planned. What a killed attempt left is removed first. The plan is written to the record.
 * @throws GridError `NETWORK_FAILED` with the command that failed; ConfigError `NETWORK_UNFIT` when we are not root
 */
export async function createNetwork(plan: NetworkPlan, recordFile: string, signal?: AbortSignal): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new ConfigError(
      "NETWORK_UNFIT",
      "only root can make network namespaces: run as root, or use another network.provider",
    );
  }
  const record = readRecord(recordFile);
  if (record?.state === "ready" && isDeepStrictEqual(record.plan, plan) && isComplete(plan)) return;
  await removeNamespaces(plan.prefix);
  writeRecord(recordFile, { state: "building", plan });
  for (const argv of creationCommands(plan)) await must(argv, `making the private network ${plan.prefix}`, signal);
  writeRecord(recordFile, { state: "ready", plan });
}

/** The plan of the network that the record tells of; undefined when there is none or it was not finished. */
export function readNetwork(recordFile: string): NetworkPlan | undefined {
  const record = readRecord(recordFile);
  return record?.state === "ready" ? record.plan : undefined;
}

/**
 * Removes everything of a network, whether it was ever finished or not. Nothing there is success. End first what runs in it: that is not looked for.
 * @param recordFile removed at the end; absent when it is lost, the prefix is enough
 * @throws GridError `NETWORK_FAILED`
 */
export async function removeNetwork(prefix: string, recordFile?: string): Promise<void> {
  await removeNamespaces(prefix);
  if (recordFile !== undefined) rmSync(recordFile, { force: true });
}

/** The names of the namespaces with the prefix that are there. */
export function listNamespaces(prefix: string): readonly string[] {
  try {
    return readdirSync(NAMES_DIR)
      .filter((name) => name.startsWith(`${prefix}-`))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function removeNamespaces(prefix: string): Promise<void> {
  for (const argv of removalCommands(listNamespaces(prefix))) {
    try {
      await must(argv, `removing the private network ${prefix}`);
    } catch (error) {
      // Somebody else removed it in the same moment.
      if (listNamespaces(prefix).includes(argv.at(-1) ?? "")) throw error;
    }
  }
}

/** After a restart of the machine the record is there and the namespaces are not. */
function isComplete(plan: NetworkPlan): boolean {
  const there = listNamespaces(plan.prefix);
  return [plan.hub, ...spacesOf(plan).map(({ namespace }) => namespace)].every((name) => there.includes(name));
}

async function must(argv: Argv, doing: string, signal?: AbortSignal): Promise<void> {
  const [program, ...args] = argv;
  let came: string;
  try {
    const { code, tail } = await runTool(program, args, signal ? { signal } : {});
    if (code === 0) return;
    came = `exit ${String(code)}: ${tail}`;
  } catch (error) {
    signal?.throwIfAborted();
    came = describeError(error);
  }
  const shown = args.map((word) => (word === SET_UP ? "…" : word)).join(" ");
  throw new GridError(
    "NETWORK_FAILED",
    `${doing}: \`${program} ${shown}\` failed (${came}); it needs root, iproute2, util-linux and a kernel with network namespaces, veth and bridges`,
    { context: { command: program } },
  );
}

function readRecord(file: string): NetworkRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as NetworkRecord;
  } catch {
    return undefined;
  }
}

function writeRecord(file: string, record: NetworkRecord): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}
