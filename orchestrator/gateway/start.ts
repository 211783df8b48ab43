import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { GridError } from "../../worker/contract/errors.ts";
import { identifyProcess, isAlive, type ProcessIdentity } from "../../worker/contract/process.ts";
import type { Log } from "../log.ts";
import { commandLine } from "../runtimes/index.ts";
import { withMachineLock } from "../runtimes/machine-lock.ts";
import { checkTraversable } from "../runtimes/traverse.ts";
import { findSupervisor, GATEWAY_COMMAND } from "./find.ts";
import { chooseGatewayPorts, takenProxyPorts } from "./ports.ts";
import { findHaproxy, gatewayFiles } from "./provision.ts";
import {
  gatewaySpecSchema,
  gatewayState,
  readGatewaySpec,
  readProcesses,
  writeGatewaySpec,
  type GatewaySpec,
  type GatewayState,
} from "./state.ts";
import { endGatewayProcesses, gatewayLock } from "./stop.ts";

/** What a gateway is started with: everything but the ports, which are chosen once. */
export interface GatewayOptions extends Omit<GatewaySpec, "ports"> {
  /** `<campaign>/gateway`. */
  readonly dir: string;
}

/** The users of Redis are made and haproxy listens within a second; a Redis that reads a large file takes longer. */
const OPEN_PATIENCE_MS = 120_000;
/** Somebody else may take a port of the proxy between the look and the start. */
const PORT_ATTEMPTS = 3;

/**
 * Starts the gateway on this machine, or finds it running, and waits until it is open: until then nobody could come. The
 * master takes longer: see `untilMasterAnswers`. Ports stay the same for the life of the campaign. A gateway that runs with
 * other options is started again with its data. Several callers at once get the same gateway.
 * @throws GridError `GATEWAY_FAILED` naming the log to read, `GATEWAY_DOWN` when it waits for Redis; the signal's reason when aborted: what was started is left to `stopGateway`
 */
export async function startGateway(options: GatewayOptions, log: Log, signal: AbortSignal): Promise<GatewayState> {
  const { dir: given, ...rest } = options;
  const dir = resolve(given);
  // As it will be read back, to be compared with what runs.
  const wanted = gatewaySpecSchema.omit({ ports: true }).parse(JSON.parse(JSON.stringify(rest)));
  findHaproxy();
  await mkdir(dir, { recursive: true });
  if (wanted.runAs) checkTraversable(dir, wanted.runAs.uid, "the gateway's directory");
  return await withMachineLock(gatewayLock(dir), () => findOrStart(dir, wanted, log, signal), { signal });
}

async function findOrStart(
  dir: string,
  wanted: Omit<GatewaySpec, "ports">,
  log: Log,
  signal: AbortSignal,
): Promise<GatewayState> {
  const known = await readGatewaySpec(dir);
  const running = await findSupervisor(dir);
  if (known && running) {
    if (isDeepStrictEqual({ ...known, ports: undefined }, { ...wanted, ports: undefined })) {
      if (!(await isOpened(dir, running, signal))) throw await gatewayFailure(dir, "its supervisor ended");
      return gatewayState(known);
    }
    log.info("the gateway runs with other options; starting it again");
  }
  for (let attempt = 1; ; attempt++) {
    await endGatewayProcesses(dir);
    const spec: GatewaySpec = { ...wanted, ports: known?.ports ?? (await chooseGatewayPorts(wanted)) };
    await writeGatewaySpec(dir, spec);
    // Ending what ran before takes up to a minute: nothing may come up after somebody has stopped the gateway meanwhile.
    signal.throwIfAborted();
    const supervisor = spawnSupervisor(dir);
    log.info("starting the gateway", { address: spec.address, pid: supervisor.pid });
    if (await isOpened(dir, supervisor, signal)) return gatewayState(spec);
    // Ports that nobody was told of yet can be chosen again.
    const again = !known && attempt < PORT_ATTEMPTS && (await takenProxyPorts(spec)).length > 0;
    if (!again) throw await gatewayFailure(dir, "its supervisor ended");
  }
}

/** The state of a gateway whose supervisor is alive on this machine; undefined otherwise. */
export async function readGateway(dir: string): Promise<GatewayState | undefined> {
  const spec = await readGatewaySpec(dir);
  const supervisor = await findSupervisor(resolve(dir));
  return spec && supervisor ? gatewayState(spec) : undefined;
}

/** Starts the supervisor in a session of its own. */
function spawnSupervisor(dir: string): ProcessIdentity {
  const { node, args } = commandLine();
  const output = openSync(gatewayFiles(dir).supervisorLog, "a", 0o644);
  try {
    const child = spawn(node, [...args, GATEWAY_COMMAND, dir], {
      detached: true,
      stdio: ["ignore", output, output],
      cwd: "/",
    });
    child.on("error", () => undefined);
    child.unref();
    const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (identity) return identity;
    throw new GridError(
      "GATEWAY_FAILED",
      `cannot start ${node} for the gateway; see ${gatewayFiles(dir).supervisorLog}`,
    );
  } finally {
    closeSync(output);
  }
}

/**
 * Waits until the gateway is open. False when its supervisor ended instead.
 * @throws GridError `GATEWAY_DOWN` (retryable) when it lives and does not open: Redis is away
 */
async function isOpened(dir: string, supervisor: ProcessIdentity, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + OPEN_PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    const processes = await readProcesses(dir);
    const ours = processes?.supervisor.pid === supervisor.pid;
    if (ours && processes.open) return true;
    if (!isAlive(supervisor)) return false;
    if (performance.now() > deadline) {
      const last = await lastLine(gatewayFiles(dir).supervisorLog);
      throw new GridError("GATEWAY_DOWN", `the gateway runs and is not open yet: ${last}; its logs are in ${dir}`, {
        retryable: true,
        context: { dir },
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** An error that says what the supervisor said last. */
export async function gatewayFailure(dir: string, what: string): Promise<GridError> {
  const reason = (await readProcesses(dir))?.ended ?? (await lastLine(gatewayFiles(dir).supervisorLog));
  return new GridError(
    "GATEWAY_FAILED",
    `the gateway did not start: ${what}${reason === "" ? "" : `: ${reason}`}; its logs are in ${dir}`,
    { context: { dir } },
  );
}

async function lastLine(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "");
  return (text.trimEnd().split("\n").at(-1) ?? "").slice(-400);
}
