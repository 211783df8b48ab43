import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GridError } from "../../../worker/contract/errors.ts";
import { isAlive, signalProcess, type ProcessIdentity } from "../../../worker/contract/process.ts";
import type { Log } from "../../log.ts";
import {
  createNetwork,
  linkCommand,
  planNetwork,
  removeNetwork,
  type NetworkName,
  type NetworkPlan,
  type Space,
} from "../../network/index.ts";
import { findProgram, runTool } from "../../runtimes/run-tool.ts";
import { makeFreezer, machineGroup, removeGroups, type Freezer } from "./control-groups.ts";
import { haltMachine, Machine, type CommandEnd, type MachineDaemon } from "./machine.ts";
import { cgroupConf, slurmConf } from "./slurm-conf.ts";
import { prepareSshd, type SshPlace } from "./ssh.ts";

export interface SlurmBedOptions {
  /** The bed's own directory: nothing else may stand in it. After the end only the logs are left in it. */
  readonly stateDir: string;
  /** Begins the names of its namespaces; see `planNetwork`. No other bed on the machine may have it. */
  readonly prefix: string;
  /** Names of the execution hosts, at most 8 characters each. */
  readonly nodes: readonly string[];
  readonly log: Log;
  /** After so long without an answer Slurm takes a node for lost. Default 20. */
  readonly nodeTimeoutSeconds?: number;
  /** Whether Slurm starts a job of a lost node again under its own id. Default false. */
  readonly requeue?: boolean;
}

/** An execution host of the bed. */
export interface BedNode {
  readonly name: string;
  /** On the private network. */
  readonly address: string;
  /** Its network namespace. */
  readonly namespace: string;
}

/**
 * A real Slurm with its PBS commands on hosts of its own, all on this machine: a `head` with slurmctld and an sshd, execution hosts with a
 * slurmd each, and beside them the namespaces for a gateway and for people. Everything of it ends when the process that started it ends,
 * whatever way; what it leaves then (namespaces without processes, files) goes with `stopSlurmBed`.
 */
export interface SlurmBed {
  readonly network: NetworkPlan;
  /** How to log in on the head, from the outside network or the gateway. */
  readonly ssh: SshPlace;
  readonly nodes: readonly BedNode[];
  /** For SLURM_CONF. Commands that come by ssh find it in their environment. */
  readonly slurmConf: string;
  /** Whether the end of a job ends also what left its session. */
  readonly endsStrays: boolean;
  readonly logs: { readonly sshd: string; readonly slurmctld: string; slurmd(node: string): string };
  /** Runs a command on the head, as an administrator logged in there would. */
  onHead(argv: readonly string[]): Promise<CommandEnd>;
  /** Runs a command on an execution host, outside of every job. */
  onNode(name: string, argv: readonly string[]): Promise<CommandEnd>;
  /**
   * What commands by ssh (on the head), or jobs (on an execution host), find in their environment beside the usual, from the next one on; `{}` for
   * nothing. Values are plain words.
   */
  setEnvironment(host: string, variables: Readonly<Record<string, string>>): void;
  /** Every command line that came by ssh so far. */
  sshCommands(): readonly string[];

  stopController(): Promise<void>;
  /** Resolves when Slurm's commands work again. */
  startController(): Promise<void>;
  /** Draws all cables of a host. Its processes go on. */
  cutLink(name: string): Promise<void>;
  healLink(name: string): Promise<void>;
  /** Ends the listener and every connection. */
  stopSshd(): Promise<void>;
  startSshd(): Promise<void>;
  /** Cuts the connections that there are; the listener goes on. */
  dropConnections(): void;
  /** Ends and removes everything but the logs. */
  stop(): Promise<void>;
}

const DAEMON_MS = 60_000;
const LOOK_MS = 50;

const paths = (dir: string) => ({
  record: join(dir, "bed.json"),
  network: join(dir, "network.json"),
  etc: join(dir, "etc"),
  munge: join(dir, "munge"),
  slurm: join(dir, "slurm"),
  ssh: join(dir, "ssh"),
  log: join(dir, "log"),
});

/** What stands in the record: enough to end and remove the bed without the process that started it. */
interface BedRecord {
  readonly prefix: string;
  readonly freezer?: string;
  readonly machines: readonly ProcessIdentity[];
}

/**
 * Starts a bed; resolves when every host is idle. What a killed one left in the directory is removed first.
 * @throws GridError `SLURM_BED_FAILED` with the place of the log; nothing is left of it then
 */
export async function startSlurmBed(options: SlurmBedOptions): Promise<SlurmBed> {
  mkdirSync(options.stateDir, { recursive: true });
  const dir = realpathSync(options.stateDir);
  const missing = ["slurmctld", "slurmd", "munged", "sshd", "qsub", "ip", "nsenter", "unshare"].filter(
    (name) => findProgram(name) === undefined,
  );
  if (missing.length > 0) throw failed(`these programs are missing: ${missing.join(", ")}`);
  // The head has an empty /run of its own.
  if (`${dir}/`.startsWith("/run/")) throw failed(`its directory ${dir} is below /run; take another one`);
  if (readRecord(dir)?.machines.some(isAlive) === true) throw failed(`one runs in ${dir} already`);
  await stopSlurmBed(dir);
  try {
    return await build(dir, options);
  } catch (error) {
    await stopSlurmBed(dir);
    throw error;
  }
}

/**
 * Ends the bed that a directory tells of, however its starter ended, and removes all of it but its logs.
 * @returns whether there was one
 */
export async function stopSlurmBed(stateDir: string): Promise<boolean> {
  const record = readRecord(stateDir);
  if (record) {
    await Promise.all(record.machines.map(haltMachine));
    if (record.freezer !== undefined) await removeGroups(record.freezer);
    await removeNetwork(record.prefix);
  }
  const { log: _kept, ...rest } = paths(stateDir);
  for (const path of Object.values(rest)) rmSync(path, { recursive: true, force: true });
  return record !== undefined;
}

async function build(dir: string, options: SlurmBedOptions): Promise<SlurmBed> {
  const { prefix, log } = options;
  const at = paths(dir);
  for (const path of [at.etc, at.munge, at.ssh, at.log, join(at.slurm, "state"), join(at.slurm, "spool")]) {
    mkdirSync(path, { recursive: true, mode: 0o755 });
  }
  const network = planNetwork({ prefix, members: options.nodes, head: true });
  if (!network.head) throw failed("its network has no head");
  // What exists is in the record before it does, but for machines, which end with us.
  const freezer = makeFreezer(prefix);
  const record = (machines: readonly Machine[]): void => {
    const text: BedRecord = {
      prefix,
      ...(freezer && { freezer: freezer.dir }),
      machines: machines.map(({ first }) => first),
    };
    writeFileSync(at.record, JSON.stringify(text));
  };
  record([]);
  await createNetwork(network, at.network);

  const slurm = join(at.etc, "slurm.conf");
  const environmentFile = (host: string): string => join(at.etc, `environment-${host}`);
  const ssh = await prepareSshd(
    at.ssh,
    network.head.addresses.outside ?? "",
    { SLURM_CONF: slurm },
    environmentFile(network.head.name),
  );
  writeConfiguration(dir, network, network.head, freezer, options);
  const logFile = (name: string): string => join(at.log, `${name}.log`);
  const boot = (space: Space, own: readonly (readonly [string, string])[], emptyDir?: string): Promise<Machine> =>
    Machine.boot({
      name: space.name,
      namespace: space.namespace,
      ...(emptyDir === undefined ? {} : { emptyDir }),
      binds: [[join(at.etc, "hosts"), "/etc/hosts"], ...own],
      logFile: logFile(`machine-${space.name}`),
    });
  const groupOf = ({ name }: Space): readonly (readonly [string, string])[] =>
    freezer ? [[machineGroup(freezer, name), join(freezer.mountPoint, "freezer")]] : [];
  const booted = await Promise.allSettled([
    boot(network.head, [[join(at.etc, "shadow"), "/etc/shadow"]], "/run"),
    ...network.members.map((space) => boot(space, groupOf(space))),
  ]);
  const machines = booted.flatMap((boot) => (boot.status === "fulfilled" ? [boot.value] : []));
  record(machines);
  const unbooted = booted.find((boot) => boot.status === "rejected");
  if (unbooted) throw unbooted.reason;
  const [head, ...nodes] = machines;
  if (!head) throw failed("it has no head");

  const env = { SLURM_CONF: slurm };
  const munge = head.start(
    [
      ...[
        "munged",
        "--foreground",
        "--force",
        `--key-file=${join(at.etc, "munge.key")}`,
        `--socket=${join(at.munge, "socket")}`,
      ],
      ...[
        `--pid-file=${join(at.munge, "pid")}`,
        `--seed-file=${join(at.munge, "seed")}`,
        `--log-file=${join(at.munge, "log")}`,
      ],
    ],
    logFile("munged"),
  );
  await until("munged to make its socket", munge, logFile("munged"), () => existsSync(join(at.munge, "socket")));
  const startSshd = async (): Promise<MachineDaemon> => {
    await head.run(["mkdir", "-p", "/run/sshd"]);
    const daemon = head.start([findProgram("sshd") ?? "sshd", "-D", "-e", "-f", ssh.config], logFile("sshd"));
    await until(
      "sshd to listen",
      daemon,
      logFile("sshd"),
      async () => (await head.run(["ss", "-Hltn", "sport = :22"])).stdout !== "",
    );
    return daemon;
  };
  const startController = async (): Promise<MachineDaemon> => {
    const daemon = head.start(["slurmctld", "-D"], logFile("slurmctld"), env);
    await until("slurmctld to answer", daemon, logFile("slurmctld"), async () => {
      return (await head.run(["scontrol", "ping"], env)).stdout.includes("is UP");
    });
    return daemon;
  };
  let sshd = await startSshd();
  let controller = await startController();
  const slurmds = nodes.map((node) =>
    node.start(["slurmd", "-D", "-N", node.name], logFile(`slurmd-${node.name}`), env),
  );
  for (const [n, slurmd] of slurmds.entries()) {
    const name = nodes[n]?.name ?? "";
    await until(`${name} to be idle`, slurmd, logFile(`slurmd-${name}`), async () => {
      return (
        (await head.run(["sinfo", "-h", "-N", "-p", "batch", "-n", name, "-o", "%T"], env)).stdout.trim() === "idle"
      );
    });
  }
  log.info("a Slurm bed is up", { nodes: nodes.length, dir });

  const setLink = async (name: string, state: "up" | "down"): Promise<void> => {
    const space = network.members.find((member) => member.name === name);
    if (!space) throw failed(`it has no host ${name}`);
    for (const leg of Object.keys(space.addresses) as NetworkName[]) {
      const [program, ...args] = linkCommand(network, space, leg, state);
      const { code, tail } = await runTool(program, args);
      if (code !== 0) throw failed(`the link of ${name} cannot be set ${state}: ${tail}`);
    }
  };
  const sessions = (): readonly ProcessIdentity[] => sshd.children();
  return {
    network,
    ssh: ssh.place,
    nodes: network.members.map(({ name, namespace, addresses }) => ({
      name,
      namespace,
      address: addresses.vlan ?? "",
    })),
    slurmConf: slurm,
    endsStrays: freezer !== undefined,
    logs: { sshd: logFile("sshd"), slurmctld: logFile("slurmctld"), slurmd: (node) => logFile(`slurmd-${node}`) },
    onHead: (argv) => head.run(argv, env),
    async onNode(name, argv) {
      const node = nodes.find((machine) => machine.name === name);
      if (!node) throw failed(`it has no host ${name}`);
      return node.run(argv, env);
    },
    setEnvironment(host, variables) {
      const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${value}\n`);
      writeFileSync(environmentFile(host), lines.join(""));
    },
    sshCommands: () => readFileSync(ssh.commands, "utf8").split("\n").slice(0, -1),
    stopController: () => controller.stop("SIGTERM"),
    async startController() {
      controller = await startController();
    },
    cutLink: (name) => setLink(name, "down"),
    healLink: (name) => setLink(name, "up"),
    async stopSshd() {
      const open = sessions();
      await sshd.stop("SIGTERM");
      for (const session of open) signalProcess(session, "SIGKILL");
    },
    async startSshd() {
      sshd = await startSshd();
    },
    dropConnections() {
      for (const session of sessions()) signalProcess(session, "SIGKILL");
    },
    stop: async () => void (await stopSlurmBed(dir)),
  };
}

/** Everything that the daemons read. */
function writeConfiguration(
  dir: string,
  network: NetworkPlan,
  head: Space,
  freezer: Freezer | undefined,
  { nodeTimeoutSeconds = 20, requeue = false }: SlurmBedOptions,
): void {
  const { etc } = paths(dir);
  const hosts = [head, ...network.members].map(({ name, addresses }) => ({ name, address: addresses.batch ?? "" }));
  const [{ name, address } = { name: "", address: "" }, ...nodes] = hosts;
  const write = (file: string, content: string | Buffer, mode: number): void =>
    writeFileSync(join(etc, file), content, { mode });
  write(
    "slurm.conf",
    slurmConf({
      dir,
      head: { name, address },
      nodes,
      controlGroups: freezer !== undefined,
      nodeTimeoutSeconds,
      requeue,
    }),
    0o644,
  );
  // What it prints goes into a job's environment. @source slurm.conf(5), TaskProlog
  write("task-prolog", `#!/bin/sh\ncat '${join(etc, "environment-")}'"$(uname -n)" 2>/dev/null\nexit 0\n`, 0o755);
  if (freezer) write("cgroup.conf", cgroupConf(freezer.mountPoint), 0o644);
  write("hosts", ["127.0.0.1 localhost", ...hosts.map((host) => `${host.address} ${host.name}`), ""].join("\n"), 0o644);
  // sshd refuses keys too for an account whose password is locked with an exclamation mark.
  write("shadow", "root:*:19000:0:99999:7:::\n", 0o600);
  write("munge.key", randomBytes(1024), 0o600);
}

/** Waits for a daemon. @throws GridError `SLURM_BED_FAILED` when it ended or takes too long */
async function until(
  what: string,
  daemon: MachineDaemon,
  logFile: string,
  probe: () => boolean | Promise<boolean>,
): Promise<void> {
  const giveUpAt = Date.now() + DAEMON_MS;
  while (!(await probe())) {
    if (daemon.ended() !== undefined || Date.now() > giveUpAt) {
      const tail = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-8).join(" | ");
      throw failed(`waited in vain for ${what}; its log ${logFile} ends with: ${tail}`);
    }
    await sleep(LOOK_MS);
  }
}

function readRecord(dir: string): BedRecord | undefined {
  try {
    return JSON.parse(readFileSync(paths(dir).record, "utf8")) as BedRecord;
  } catch {
    return undefined;
  }
}

function failed(why: string): GridError {
  return new GridError("SLURM_BED_FAILED", `the Slurm bed cannot be used: ${why}`);
}
