import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { GridError } from "../../worker/contract/errors.ts";

/**
 * Below the range from which the kernel takes the ports of outgoing connections: while a program restarts, nothing else
 * comes by its port by chance. @source ip(7) ip_local_port_range, default 32768 to 60999
 */
const FROM = 20_000;
const TO = 32_000;
const TRIES = 200;

/** Whether the port can be listened on at the address right now. */
export function isPortFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Chooses so many different free ports of the address. Nothing reserves them: who uses them looks again when they are taken.
 * @throws GridError `NO_FREE_PORT`, also when the address is not one of this machine
 */
export async function chooseFreePorts(address: string, count: number): Promise<readonly number[]> {
  const chosen = new Set<number>();
  for (let tries = 0; chosen.size < count && tries < TRIES; tries++) {
    const port = randomInt(FROM, TO);
    if (!chosen.has(port) && (await isPortFree(address, port))) chosen.add(port);
  }
  if (chosen.size === count) return [...chosen];
  throw new GridError(
    "NO_FREE_PORT",
    `no free ports between ${FROM} and ${TO} on ${address}; is network.gatewayAddress an address of this machine?`,
    { context: { address } },
  );
}
