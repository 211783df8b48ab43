import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { httpsStatus } from "../../worker/contract/elasticsearch-process.ts";
import { GridError } from "../../worker/contract/errors.ts";
import { identifyProcess, isAlive, type ProcessIdentity } from "../../worker/contract/process.ts";
import type { Log } from "../log.ts";
import { checkTraversable } from "../runtimes/traverse.ts";
import { loadGatewaySecrets } from "../security/index.ts";
import { findSupervisor, GATEWAY_COMMAND } from "./find.ts";
import { chooseFreePorts, isPortFree } from "./ports.ts";
import { findHaproxy, gatewayFiles } from "./provision.ts";
import {
  gatewayState,
  readGatewaySpec,
  readProcesses,
  writeGatewaySpec,
  type GatewaySpec,
  type GatewayState,
} from "./state.ts";
import { endGatewayProcesses } from "./stop.ts";

/** What a gateway is started with: everything but the ports, which are chosen once. */
export interface GatewayOptions extends Omit<GatewaySpec, "ports"> {
  /** `<campaign>/gateway`. */
  readonly dir: string;
  /** Program and first arguments of this command line; `gateway DIR` is added: see `commandLine()`. */
  readonly command: { readonly node: string; readonly args: readonly string[] };
}

/** A master starts in 8 to 20 s; a busy machine takes longer. */
const BOOT_PATIENCE_MS = 180_000;

/**
 * Starts the gateway, or finds it running, and waits until the master answers through the proxy. Ports stay the same
 * for the life of the campaign. A gateway that runs with other options, say after Redis moved, is started again with its data.
 * @throws GridError `GATEWAY_FAILED` naming the log to read; the signal's reason when aborted: what was started is left to `stopGateway`
 */
export async function startGateway(options: GatewayOptions, log: Log, signal: AbortSignal): Promise<GatewayState> {
  const { dir: given, command, ...wanted } = options;
  const dir = resolve(given);
  findHaproxy();
  await mkdir(dir, { recursive: true });
  if (wanted.runAs) checkTraversable(dir, wanted.runAs.uid, "the gateway's directory");
  const known = await readGatewaySpec(dir);
  const running = await findSupervisor(dir);
  if (known && running) {
    if (isDeepStrictEqual({ ...known, ports: undefined }, { ...wanted, ports: undefined })) {
      await untilReady(dir, known, running, signal);
      return gatewayState(known, running);
    }
    log.info("the gateway runs with other options; starting it again");
  }
  await endGatewayProcesses(dir);

  const spec: GatewaySpec = { ...wanted, ports: known?.ports ?? (await choosePorts(wanted.address)) };
  await writeGatewaySpec(dir, spec);
  // Ending what ran before takes up to a minute: nothing may come up after somebody has stopped the gateway meanwhile.
  signal.throwIfAborted();
  const supervisor = spawnSupervisor(dir, command);
  log.info("starting the gateway", { address: spec.address, pid: supervisor.pid });
  await untilReady(dir, spec, supervisor, signal);
  return gatewayState(spec, supervisor);
}

/** The state of a gateway whose supervisor is alive; undefined otherwise. */
export async function readGateway(dir: string): Promise<GatewayState | undefined> {
  const spec = await readGatewaySpec(dir);
  const supervisor = await findSupervisor(resolve(dir));
  return spec && supervisor ? gatewayState(spec, supervisor) : undefined;
}

async function choosePorts(address: string): Promise<GatewaySpec["ports"]> {
  const [redis = 0, carbon = 0, elasticsearch = 0, transport = 0] = await chooseFreePorts(address, 4);
  const outer = new Set([redis, carbon, elasticsearch, transport]);
  for (;;) {
    const [masterHttp = 0] = await chooseFreePorts("127.0.0.1", 1);
    if (!outer.has(masterHttp)) return { redis, carbon, elasticsearch, transport, masterHttp };
  }
}

/** The ports that somebody else has, in words; empty when there are none. To be asked when nothing of the gateway runs. */
async function takenPorts({ address, ports }: GatewaySpec): Promise<string> {
  const taken: string[] = [];
  for (const [name, port] of Object.entries(ports)) {
    const host = name === "masterHttp" ? "127.0.0.1" : address;
    if (!(await isPortFree(host, port))) taken.push(`${host}:${port} (${name})`);
  }
  return taken.length === 0 ? "" : `; other programs have its ports ${taken.join(", ")}: end them and try again`;
}

/** Starts the supervisor in a session of its own. */
function spawnSupervisor(dir: string, command: GatewayOptions["command"]): ProcessIdentity {
  const output = openSync(gatewayFiles(dir).supervisorLog, "a", 0o644);
  try {
    const child = spawn(command.node, [...command.args, GATEWAY_COMMAND, dir], {
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
      `cannot start ${command.node} for the gateway; see ${gatewayFiles(dir).supervisorLog}`,
    );
  } finally {
    closeSync(output);
  }
}

async function untilReady(
  dir: string,
  spec: GatewaySpec,
  supervisor: ProcessIdentity,
  signal: AbortSignal,
): Promise<void> {
  const secrets = await loadGatewaySecrets(spec.secretsDir);
  const deadline = performance.now() + BOOT_PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    const status = await httpsStatus({
      host: spec.address,
      port: spec.ports.elasticsearch,
      authority: secrets.httpAuthority,
      client: secrets.orchestratorClient,
      auth: secrets.admin,
      path: "/_cluster/health",
    });
    if (status === 200) return;
    if (!isAlive(supervisor)) throw await failure(dir, "its supervisor ended", await takenPorts(spec));
    if (performance.now() > deadline) {
      throw await failure(dir, `the master does not answer through the proxy (last status: ${status ?? "none"})`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function failure(dir: string, what: string, more = ""): Promise<GridError> {
  const reason = (await readProcesses(dir))?.ended ?? (await lastLine(gatewayFiles(dir).supervisorLog));
  return new GridError(
    "GATEWAY_FAILED",
    `the gateway did not start: ${what}${reason === "" ? "" : `: ${reason}`}${more}; its logs are in ${dir}`,
    { context: { dir } },
  );
}

async function lastLine(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "");
  return (text.trimEnd().split("\n").at(-1) ?? "").slice(-400);
}
