import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isAlive, terminateProcess } from "../../worker/contract/process.ts";
import type { Log } from "../log.ts";
import { withMachineLock } from "../runtimes/machine-lock.ts";
import { findSupervisor } from "./find.ts";
import { gatewayFiles } from "./provision.ts";
import { readProcesses } from "./state.ts";

/** Longer than the supervisor gives the master. */
const SUPERVISOR_GRACE_MS = 40_000;
const CHILD_GRACE_MS = 10_000;

/** Ends supervisor, proxy and master; their files stay. Already gone is success. */
export async function endGatewayProcesses(dir: string): Promise<void> {
  // Read before: the supervisor's last act is to forget its children.
  const before = await readProcesses(dir);
  const supervisor = await findSupervisor(dir);
  if (supervisor) await terminateProcess(supervisor, SUPERVISOR_GRACE_MS);
  const after = await readProcesses(dir);
  // A supervisor that was killed leaves children that are ending, or that nobody signalled where setpriv is missing.
  const left = [before, after].flatMap((processes) =>
    processes ? [...(processes.haproxy ? [processes.haproxy] : []), ...processes.master] : [],
  );
  await Promise.all(left.filter(isAlive).map((identity) => terminateProcess(identity, CHILD_GRACE_MS)));
}

/**
 * Ends the gateway of a campaign and removes its keys and data; `gateway.json` and the logs stay. From any half-built state,
 * any number of times.
 */
export async function stopGateway(dir: string, log: Log): Promise<void> {
  log.debug("stopping the gateway", { dir });
  // Not while it is being started: that would come up afterwards.
  await withMachineLock(gatewayLock(dir), async () => {
    await endGatewayProcesses(resolve(dir));
    const files = gatewayFiles(dir);
    for (const path of [files.proxy, files.master, files.founded, files.revoked, join(dir, "processes.json")]) {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    }
  });
}

/** The lock under which a gateway is started and stopped. */
export function gatewayLock(dir: string): string {
  return `gateway ${resolve(dir)}`;
}
