import { httpsStatus } from "../../worker/contract/elasticsearch-process.ts";
import type { Credential, Identity } from "../security/index.ts";
import { gatewayFailure } from "./start.ts";
import { readProcesses, type GatewayState } from "./state.ts";

/** Who asks, with what: the orchestrator's part of the campaign's secrets. */
export interface GatewayVisitor {
  readonly httpAuthority: string;
  readonly client: Identity;
  readonly admin: Credential;
}

/** A master starts in 8 to 20 s; a busy machine takes longer. */
const BOOT_PATIENCE_MS = 180_000;

/** What the proxy says of the master's health; any answer shows that the proxy is there. Undefined without one. */
export function masterStatus(gateway: GatewayState, visitor: GatewayVisitor): Promise<number | undefined> {
  const { hostname, port } = new URL(gateway.elasticsearchUrl);
  return httpsStatus({
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
    authority: visitor.httpAuthority,
    client: visitor.client,
    auth: visitor.admin,
    path: "/_cluster/health",
  });
}

/**
 * Waits until the master answers through the proxy, from wherever the orchestrator is. The supervisor's last words are
 * read from the campaign's directory, which both see.
 * @param find looks for the gateway on its host; asked when not even the proxy answers
 * @throws GridError `GATEWAY_FAILED`; the signal's reason when aborted
 */
export async function untilMasterAnswers(
  dir: string,
  gateway: GatewayState,
  visitor: GatewayVisitor,
  find: () => Promise<GatewayState | undefined>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + BOOT_PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    const status = await masterStatus(gateway, visitor);
    if (status === 200) return;
    const gone = (await readProcesses(dir))?.ended !== undefined || (status === undefined && !(await find()));
    if (gone) throw await gatewayFailure(dir, "its supervisor ended");
    if (performance.now() > deadline) {
      throw await gatewayFailure(
        dir,
        `the master does not answer through the proxy (last status: ${String(status ?? "none")})`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
