import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/** A range of addresses: what lies in it is on the nodes' network. */
export interface AddressRange {
  readonly text: string;
  contains(address: string): boolean;
}

/** Reads a CIDR, `10.20.0.0/16` or `fd00:1::/64`. Undefined for anything else. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = "", bits = "", ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0 || !/^\d{1,3}$/.test(bits)) return undefined;
  if (Number(bits) > (version === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), version === 4 ? "ipv4" : "ipv6");
  return {
    text,
    contains: (candidate) => isIP(candidate) === version && list.check(candidate, version === 4 ? "ipv4" : "ipv6"),
  };
}

/** What is known when an agent asks to be certified. */
export interface AddressQuestion {
  /** `network.range`; absent on networks where the execution host's name leads to the right address. */
  readonly range?: AddressRange | undefined;
  /** All addresses that the agent found on its machine. Claims: it signed them, and nobody checked them. */
  readonly announced: readonly string[];
  /** The execution host that the batch system gave the job; undefined while it has not said. */
  readonly host: string | undefined;
  /** What that host's name resolves to; none when it does not. */
  readonly resolved: readonly string[];
  /** The other live jobs that hold certificates. `host` is undefined while the batch system has not said. */
  readonly others: readonly { readonly jobName: string; readonly host: string | undefined; readonly address: string }[];
}

/** `unknown`: it cannot be said yet, ask again. */
export type AddressAnswer =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "unknown" }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * The one address that a job is certified for. Without a range the address of the host that the batch system leased. With
 * one the single announced address in it, which no live job on another host may hold; when the leased host's name
 * resolves into the range, it must resolve to that address. Pure.
 */
export function nodeAddress(question: AddressQuestion): AddressAnswer {
  const { range, host } = question;
  if (host === undefined) return { kind: "unknown" };
  if (!range) {
    const [address] = question.resolved;
    if (address !== undefined) return { kind: "address", address };
    return {
      kind: "refused",
      reason: `the execution host ${host} has no address; name the nodes' network with network.range, or make the name resolve`,
    };
  }
  const inRange = [...new Set(question.announced)].filter((address) => range.contains(address));
  const [address] = inRange;
  if (address === undefined) {
    return {
      kind: "refused",
      reason: `none of the addresses of ${host} lies in network.range ${range.text} (it has ${question.announced.join(", ") || "none"})`,
    };
  }
  if (inRange.length > 1) {
    return {
      kind: "refused",
      reason: `${host} has several addresses in network.range ${range.text} (${inRange.join(", ")}); narrow the range`,
    };
  }
  const named = question.resolved.filter((known) => range.contains(known));
  if (named.length > 0 && !named.includes(address)) {
    return {
      kind: "refused",
      reason: `the execution host ${host} resolves to ${named.join(", ")}, but the agent announced ${address}`,
    };
  }
  const holders = question.others.filter((other) => other.address === address && other.host !== host);
  const foreign = holders.find((other) => other.host !== undefined);
  if (foreign) {
    return {
      kind: "refused",
      reason: `${address} is certified for job ${foreign.jobName} on ${foreign.host ?? ""}; ${host} cannot have it too`,
    };
  }
  return holders.length > 0 ? { kind: "unknown" } : { kind: "address", address };
}

/** The addresses of a host's name; none when there is no such name. @throws Error when the name service does not answer */
export async function resolveHost(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTFOUND") return [];
    throw error;
  }
}
