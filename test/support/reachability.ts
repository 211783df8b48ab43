import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Answer, Target } from "./probe-ports.ts";

const PROBE = new URL("./probe-ports.ts", import.meta.url).pathname;

/** A place from which to look and in which to be found: a network namespace, or the machine's own. */
export interface Place {
  readonly name: string;
  /** The words that begin a command which shall run there; none for where we are. */
  readonly enter: readonly string[];
}

/** A port on which somebody listens. */
export interface Listener extends Target {
  readonly place: string;
  /** The name of the program, as the kernel has it (15 characters). */
  readonly program: string;
}

/** What one listener answers to one place. */
export interface Reach extends Listener {
  readonly from: string;
  readonly answer: Answer;
}

async function runIn(place: Place, argv: readonly string[], stdin = ""): Promise<string> {
  const [program = "", ...args] = [...place.enter, ...argv];
  const running = promisify(execFile)(program, args, { maxBuffer: 2 ** 26 });
  // A command that does not read its input may have ended already.
  running.child.stdin?.on("error", () => undefined).end(stdin);
  return (await running).stdout;
}

/** What each target answers to a connection from a place, in their order. */
export async function probeFrom(place: Place, targets: readonly Target[]): Promise<readonly Answer[]> {
  if (targets.length === 0) return [];
  return JSON.parse(await runIn(place, [process.execPath, PROBE], JSON.stringify(targets))) as Answer[];
}

/**
 * Every TCP port on which anything in the place listens, on each address where it does.
 * @source ss(8), ip-address(8) with -json
 */
export async function listenersOf(place: Place): Promise<readonly Listener[]> {
  const [sockets, links] = await Promise.all([
    runIn(place, ["ss", "-H", "-l", "-t", "-n", "-p"]),
    runIn(place, ["ip", "-json", "address"]),
  ]);
  const addresses = parseAddresses(links);
  return parseListeners(sockets)
    .flatMap(({ address, port, program }) =>
      expand(address, addresses).map((each) => ({ place: place.name, address: each, port, program })),
    )
    .filter((one, at, all) => all.findIndex((o) => o.address === one.address && o.port === one.port) === at);
}

/** The addresses behind one that means them all. A socket of IPv6 takes IPv4 too unless it was told not to. */
function expand(address: string, own: readonly string[]): readonly string[] {
  if (address === "0.0.0.0") return own.filter((each) => !each.includes(":"));
  return address === "*" || address === "::" ? own : [address];
}

/** The addresses of `ip -json address`. */
export function parseAddresses(json: string): readonly string[] {
  interface Link {
    readonly addr_info?: readonly { readonly local?: string; readonly scope?: string }[];
  }
  return (
    (JSON.parse(json) as readonly Link[])
      .flatMap(({ addr_info = [] }) => addr_info)
      // A link's own addresses need its name to be reached.
      .flatMap(({ local, scope }) => (local === undefined || scope === "link" ? [] : [local]))
  );
}

/** The lines of `ss -Hltnp`. `0.0.0.0`, `::` and `*` mean every address. */
export function parseListeners(text: string): readonly Omit<Listener, "place">[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("LISTEN"))
    .map((line) => {
      const local = line.split(/\s+/)[3] ?? "";
      const colon = local.lastIndexOf(":");
      const address = local
        .slice(0, colon)
        .replace(/%.*$/, "")
        .replace(/^\[(.*)\]$/, "$1");
      const program = /users:\(\("([^"]+)"/.exec(line)?.[1] ?? "?";
      return { address, port: Number(local.slice(colon + 1)), program };
    });
}

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

/**
 * The table "what answers from where": from each place to every port on which anything in any of the places listens. A
 * loopback address means each place's own, so it is looked at from there alone.
 */
export async function reachability(places: readonly Place[]): Promise<readonly Reach[]> {
  const listeners = (await Promise.all(places.map(listenersOf))).flat();
  const rows = await Promise.all(
    places.map(async (from) => {
      const targets = listeners.filter(({ place, address }) => place === from.name || !isLoopback(address));
      const answers = await probeFrom(from, targets);
      return targets.map((target, at): Reach => ({ from: from.name, ...target, answer: answers[at] ?? "silence" }));
    }),
  );
  return rows.flat();
}

/** Whether somebody got through at all. */
export function isOpen({ answer }: Pick<Reach, "answer">): boolean {
  return answer === "plain" || answer.startsWith("TLS");
}

/**
 * The open ones as a table for people: places of one kind and ports of one program are one row, whatever their number.
 * @param kindOf of a place's name, e.g. `member` for `dn1`
 * @returns lines of Markdown
 */
export function describeReach(rows: readonly Reach[], kindOf: (place: string) => string): readonly string[] {
  const said = rows
    .filter((row) => isOpen(row) && row.from !== row.place)
    .map(({ from, place, program, answer }) => `| ${kindOf(from)} | ${kindOf(place)} | ${program} | ${answer} |`);
  return ["| from | to | what listens | what it wants |", "|---|---|---|---|", ...[...new Set(said)].sort()];
}
