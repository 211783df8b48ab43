import { ConfigError } from "../../worker/contract/errors.ts";

/**
 * The networks of a campaign: the nodes' private one, the one from which people and the orchestrator come, and the batch system's own, on
 * which its server and the execution hosts talk.
 */
export type NetworkName = "vlan" | "outside" | "batch";

/** One network namespace and its addresses. */
export interface Space {
  /** `gateway`, `outside`, `head` or a member's own name. */
  readonly name: string;
  /** As `ip netns` knows it: `<prefix>-<name>`. */
  readonly namespace: string;
  /** Its address on each network in which it has a leg; the link there bears the network's name. */
  readonly addresses: Readonly<Partial<Record<NetworkName, string>>>;
}

/** Every namespace, link and address of a private network, decided before anything is made. */
export interface NetworkPlan {
  readonly prefix: string;
  /** `batch` where there is a head. */
  readonly ranges: Readonly<Record<"vlan" | "outside", string> & Partial<Record<NetworkName, string>>>;
  /** Holds a bridge for each network and no address, so that nobody can talk to it. */
  readonly hub: string;
  /** A leg on the private network and one on the outside network. */
  readonly gateway: Space;
  /** A leg on the outside network alone. */
  readonly outside: Space;
  /** The host of the batch system's server, with a leg on the batch network and one on the outside network; absent where there is none. */
  readonly head?: Space;
  /** Execution hosts: a leg on the private network, one on the batch network where there is a head, and no default route. */
  readonly members: readonly Space[];
}

export interface NetworkWish {
  /** Begins every namespace's name. A letter, then letters and digits, at most 9 characters. */
  readonly prefix: string;
  /** Names of the members: a letter, then letters and digits, at most 8 characters. */
  readonly members: readonly string[];
  readonly head?: boolean;
  /** CIDR of the private network. Namespaces of different prefixes do not see each other, so all may have the same. */
  readonly vlan?: string;
  /** CIDR of the outside network. */
  readonly outside?: string;
  /** CIDR of the batch network. */
  readonly batch?: string;
}

/** Host numbers in all networks. */
const GATEWAY = 1;
const HEAD = 2;
const OUTSIDE = 10;
const FIRST_MEMBER = 11;

/** The ends of namespaces' names. */
const NAMES = { hub: "hub", gateway: "gw", outside: "out", head: "head" } as const;

/**
 * Gives everybody his namespace and his addresses: the gateway `.1` of its networks, the head `.2`, the outside `.10`, members `.11` and up.
 * @throws ConfigError `NETWORK_UNFIT` when a name is unfit or a range too small
 */
export function planNetwork(wish: NetworkWish): NetworkPlan {
  const { prefix, members, vlan = "10.77.0.0/24", outside = "10.78.0.0/24", batch = "10.79.0.0/24" } = wish;
  checkName("prefix", prefix, 9);
  for (const name of members) checkName("member", name, 8);
  const names = [...new Set([...Object.keys(NAMES), ...Object.values(NAMES)]), ...members];
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated !== undefined) throw unfit(`the name ${repeated} is used twice`);
  const ranges = { vlan, outside, ...(wish.head === true && { batch }) };
  const parsed = Object.values(ranges).map((text) => ({ text, range: parseRange(text) }));
  for (const [at, one] of parsed.entries()) {
    const other = parsed.slice(at + 1).find(({ range }) => overlap(one.range, range));
    if (other) throw unfit(`the ranges ${one.text} and ${other.text} overlap`);
  }
  const space = (name: string, label: string, addresses: Space["addresses"]): Space => ({
    name,
    namespace: `${prefix}-${label}`,
    addresses,
  });
  const legs = (host: number, ...networks: readonly NetworkName[]): Space["addresses"] =>
    Object.fromEntries(
      networks.flatMap((network) => {
        const text = ranges[network];
        return text === undefined ? [] : [[network, addressIn(parseRange(text), text, host)]];
      }),
    );
  return {
    prefix,
    ranges,
    hub: `${prefix}-${NAMES.hub}`,
    gateway: space("gateway", NAMES.gateway, legs(GATEWAY, "vlan", "outside")),
    outside: space("outside", NAMES.outside, legs(OUTSIDE, "outside")),
    ...(wish.head === true && { head: space("head", NAMES.head, legs(HEAD, "batch", "outside")) }),
    members: members.map((name, at) => space(name, name, legs(FIRST_MEMBER + at, "vlan", "batch"))),
  };
}

/** Every namespace of the plan that has addresses. */
export function spacesOf(plan: NetworkPlan): readonly Space[] {
  return [plan.gateway, plan.outside, ...(plan.head ? [plan.head] : []), ...plan.members];
}

interface Range {
  readonly base: number;
  readonly size: number;
}

function parseRange(text: string): Range {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const bytes = (match ?? []).slice(1, 5).map(Number);
  const bits = Number(match?.[5] ?? 99);
  const base = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - bits);
  if (!match || bytes.some((byte) => byte > 255) || bits < 8 || bits > 27 || base % size !== 0) {
    throw unfit(`${text} is no range of IPv4 addresses; write its first address and 8 to 27 bits, as 10.77.0.0/24`);
  }
  return { base, size };
}

function overlap(a: Range, b: Range): boolean {
  return a.base < b.base + b.size && b.base < a.base + a.size;
}

function addressIn(range: Range, text: string, host: number): string {
  // The last address of a range is the broadcast's.
  if (host >= range.size - 1) throw unfit(`the range ${text} is too small for so many members`);
  const address = range.base + host;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

function checkName(what: string, name: string, longest: number): void {
  if (/^[a-z][a-z0-9]*$/i.test(name) && name.length <= longest) return;
  throw unfit(`the ${what} "${name}" is no letter followed by letters and digits, at most ${longest} characters`);
}

function unfit(why: string): ConfigError {
  return new ConfigError("NETWORK_UNFIT", `the private network cannot be planned: ${why}`);
}
