import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";

import { StoreError } from "../../worker/contract/errors.ts";

/** The address that all embedded services listen at. */
export const SERVICE_HOST = "127.0.0.1";

/** A service that works answers within this. */
export const ANSWER_MS = 5_000;

const LOWEST_PORT = 20_000;
const EPHEMERAL_DEFAULT = 32_768;

/**
 * A free port, the preferred one if that is free. Chosen below the kernel's ephemeral range: no outgoing connection can
 * take it while the service is down, nor connect to itself there.
 * @source ip(7), ip_local_port_range
 */
export async function choosePort(preferred: number | undefined, taken: ReadonlySet<number>): Promise<number> {
  if (preferred !== undefined && !taken.has(preferred) && (await isFree(preferred))) return preferred;
  const above = lowestEphemeralPort();
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (above - LOWEST_PORT));
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new StoreError(
    "NO_FREE_PORT",
    `no free port between ${String(LOWEST_PORT)} and ${String(above)} on ${SERVICE_HOST}`,
  );
}

function lowestEphemeralPort(): number {
  try {
    const low = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/)[0]);
    if (low >= LOWEST_PORT + 1000) return low;
  } catch {
    // No such file in some containers.
  }
  return EPHEMERAL_DEFAULT;
}

/** Whether nothing listens at a port of the services' address. */
export async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    // Clients of a service that died try to reach it all the time: one that gets us instead must not keep us.
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(false));
    server.listen({ host: SERVICE_HOST, port }, () => server.close(() => resolve(true)));
  });
}

/** Whether somebody accepts a TCP connection within the time. */
export async function accepts(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (answer: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
  });
}
