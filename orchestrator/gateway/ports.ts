import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { GridError } from "../../worker/contract/errors.ts";
import type { GatewaySpec } from "./state.ts";

/**
 * Below the range from which the kernel takes the ports of outgoing connections: while a program restarts, nothing else
 * comes by its port by chance. @source ip(7) ip_local_port_range, default 32768 to 60999
 */
const FROM = 20_000;
const TO = 32_000;
const TRIES = 200;

/** Why nothing can listen at the address right now; undefined when something can. */
export function bindingProblem(address: string, port = 0): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

async function isPortFree(address: string, port: number): Promise<boolean> {
  return (await bindingProblem(address, port)) === undefined;
}

/** Somebody who listens, and lets go at once of whoever connects. */
export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens at a port such as gateways have. @throws GridError `NO_FREE_PORT` */
export async function listenOn(address: string): Promise<Listener> {
  const { port } = await chooseFreePorts({ port: address });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port, exclusive: true }, resolve);
  });
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** At which address each of a gateway's listeners stands. */
function listenersOf({ address, outsideAddress }: Pick<GatewaySpec, "address" | "outsideAddress">) {
  return {
    redis: address,
    carbon: address,
    transport: address,
    outsideRedis: outsideAddress,
    outsideCarbon: outsideAddress,
    elasticsearch: outsideAddress,
    graphiteWeb: outsideAddress,
    masterHttp: "127.0.0.1",
  } satisfies Record<keyof GatewaySpec["ports"], string>;
}

/** Ports for a new gateway. @throws GridError `NO_FREE_PORT` */
export function chooseGatewayPorts(
  addresses: Pick<GatewaySpec, "address" | "outsideAddress">,
): Promise<GatewaySpec["ports"]> {
  return chooseFreePorts(listenersOf(addresses));
}

/** The ports of the proxy that somebody has, `host:port (name)`. To be asked when the proxy does not run. */
export async function takenProxyPorts(spec: GatewaySpec): Promise<readonly string[]> {
  const taken: string[] = [];
  const { transport: _, masterHttp: __, ...proxy } = listenersOf(spec);
  for (const [name, host] of Object.entries(proxy)) {
    const port = spec.ports[name as keyof GatewaySpec["ports"]];
    if (!(await isPortFree(host, port))) taken.push(`${host}:${String(port)} (${name})`);
  }
  return taken;
}

/**
 * Chooses a free port for each listener, by the address that it wants to listen at; all of them different. Nothing reserves
 * them: who uses them looks again when they are taken.
 * @throws GridError `NO_FREE_PORT`, also when an address is not one of this machine
 */
async function chooseFreePorts<Name extends string>(
  listeners: Readonly<Record<Name, string>>,
): Promise<Record<Name, number>> {
  const chosen = new Map<string, number>();
  for (const [name, address] of Object.entries<string>(listeners)) {
    for (let tries = 0; !chosen.has(name); tries++) {
      if (tries === TRIES) {
        throw new GridError(
          "NO_FREE_PORT",
          `no free port between ${FROM} and ${TO} on ${address}; are network.gatewayAddress and network.outsideAddress addresses of the gateway host?`,
          { context: { address } },
        );
      }
      const port = randomInt(FROM, TO);
      if (![...chosen.values()].includes(port) && (await isPortFree(address, port))) chosen.set(name, port);
    }
  }
  return Object.fromEntries(chosen) as Record<Name, number>;
}
