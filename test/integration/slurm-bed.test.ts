import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startSlurmBed, stopSlurmBed, type SlurmBed } from "../../orchestrator/demo/slurm/index.ts";
import { createLog } from "../../orchestrator/log.ts";
import { enterNamespace, listNamespaces, spacesOf } from "../../orchestrator/network/index.ts";
import type { CommandResult } from "../../pbs/batch-system.ts";
import { identifyProcess, isAlive } from "../../worker/contract/process.ts";
import { describeWith } from "../support/ground-rule.ts";
import { leftoverProcesses } from "../support/processes.ts";
import { isOpen, reachability, type Place } from "../support/reachability.ts";
import { privateStateDir } from "../support/state-dir.ts";
import { waitFor } from "../support/wait-for.ts";

/** The prefixes of this run: another one on the same machine has others. */
const tag = process.pid.toString(36).slice(-4);
const PREFIXES = [`s${tag}`, `k${tag}`, `u${tag}`];
const log = createLog({ level: "warn" });

/**
 * What a bed could leave on the machine outside of its directory. Others may make theirs meanwhile: only what bears a bed's names counts. iproute2
 * keeps the mount /run/netns once it is there.
 */
function traces(dir: string): readonly string[] {
  const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
  const list = (folder: string): string[] => {
    try {
      return readdirSync(folder).map((name) => join(folder, name));
    } catch {
      return [];
    }
  };
  const links = lines(execFileSync("ip", ["-brief", "link"], { encoding: "utf8" }));
  const mounts = lines(readFileSync("/proc/self/mounts", "utf8"));
  const files = ["/run", "/run/netns", "/dev/shm", "/sys/fs/cgroup/freezer"].flatMap(list);
  return [
    ...links.filter((line) => /^(vlan|outside|batch|[vob]-)/.test(line)),
    ...mounts.filter((line) => [dir, ...PREFIXES].some((word) => line.includes(word))),
    ...files.filter((file) => /slurm|munge/.test(file) || PREFIXES.some((prefix) => file.includes(prefix))),
  ];
}

/** Runs a command line on the head as somebody on the outside network does. */
function ssh(bed: SlurmBed, commandLine: string): Promise<Omit<CommandResult, "argv">> {
  const { host, port, user, identityFile, knownHosts } = bed.ssh;
  const options = [`UserKnownHostsFile=${knownHosts}`, "BatchMode=yes", "IdentitiesOnly=yes", "ConnectTimeout=10"];
  const [program, ...args] = [
    ...enterNamespace(bed.network.outside.namespace),
    ...["ssh", "-F", "none", "-i", identityFile, "-p", String(port), ...options.flatMap((option) => ["-o", option])],
    ...[`${user}@${host}`, commandLine],
  ];
  return new Promise((resolve, reject) => {
    execFile(program, args, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") reject(new Error(`ssh could not be run`, { cause: error }));
      else resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

async function ok(bed: SlurmBed, commandLine: string): Promise<string> {
  const { code, stdout, stderr } = await ssh(bed, commandLine);
  if (code !== 0) throw new Error(`${commandLine}: exit ${code}\n${stdout}\n${stderr}`);
  return stdout.trim();
}

/** The letter of a job's state; undefined when Slurm does not know the job. */
async function stateOf(bed: SlurmBed, id: string): Promise<string | undefined> {
  return /job_state = (\w)/.exec((await ssh(bed, `qstat -f ${id}`)).stdout)?.[1];
}

describeWith(["namespaces", "slurm"], "the Slurm bed", () => {
  const dir = privateStateDir("slurm-bed");
  const jobs = join(dir, "jobs");
  let bed: SlurmBed;

  beforeAll(async () => {
    mkdirSync(jobs);
    bed = await startSlurmBed({
      stateDir: join(dir, "bed"),
      prefix: `s${tag}`,
      nodes: ["dn1", "dn2", "dn3"],
      log,
      nodeTimeoutSeconds: 10,
    });
  });
  afterAll(async () => {
    await stopSlurmBed(join(dir, "bed"));
    expect(leftoverProcesses(dir)).toEqual([]);
    expect(listNamespaces(`s${tag}`)).toEqual([]);
    expect(readdirSync(join(dir, "bed"))).toEqual(["log"]);
    expect(traces(dir)).toEqual([]);
  });

  /** Submits a script by ssh. @returns the id, as Slurm gave it */
  async function submit(name: string, body: string, ...options: readonly string[]): Promise<string> {
    const script = join(jobs, `${name}.sh`);
    writeFileSync(script, `#!/bin/bash\ncd ${jobs} || exit 97\n${body}\n`, { mode: 0o755 });
    const out = join(jobs, `${name}.out`);
    const id = await ok(bed, ["qsub", "-N", name, "-o", out, "-e", out, ...options, script].join(" "));
    expect(id).toMatch(/^\d+$/);
    return id;
  }
  const output = (name: string): string => readFileSync(join(jobs, `${name}.out`), "utf8");

  it("runs a job that came by ssh on one of its hosts, with that host's name and address", async () => {
    const id = await submit(
      "where",
      "hostname; ip -brief address show vlan; ps -e | wc -l",
      "-l nodes=1:ppn=2,walltime=00:05:00",
    );
    await waitFor("the job to end", async () => (await stateOf(bed, id)) === "C");
    const node = bed.nodes.find(({ name }) => output("where").startsWith(`${name}\n`));
    expect(output("where")).toContain(`${node?.address ?? "?"}/24`);
    expect(await ok(bed, `qstat -f ${id}`)).toContain(`exec_host = ${node?.name ?? "?"}/2`);
    // It sees its own host's processes only.
    expect(Number(output("where").trim().split("\n").at(-1))).toBeLessThan(20);
    expect(bed.sshCommands()).toContainEqual(expect.stringMatching(/^qsub .*where\.sh$/));
    expect(readFileSync(bed.logs.sshd, "utf8")).toContain(
      `Accepted publickey for root from ${bed.network.outside.addresses.outside ?? "?"}`,
    );
  });

  it("places jobs that need a whole host on different ones", async () => {
    const ids = await Promise.all(bed.nodes.map((_, n) => submit(`wide${n}`, "sleep 1000", "-l nodes=1:ppn=8")));
    await waitFor("all of them to run", async () =>
      (await Promise.all(ids.map((id) => stateOf(bed, id)))).every((state) => state === "R"),
    );
    const hosts = await Promise.all(
      ids.map(async (id) => /exec_host = (\w+)/.exec(await ok(bed, `qstat -f ${id}`))?.[1]),
    );
    expect([...hosts].sort()).toEqual(bed.nodes.map(({ name }) => name));
    for (const id of ids) await ok(bed, `qdel ${id}`);
    await waitFor("their processes to end", () => leftoverProcesses(jobs).length === 0);
  });

  it("ends everything of a deleted job, what left its session too", async ({ skip }) => {
    if (!bed.endsStrays) skip("no freezer of control groups v1 on this machine");
    const id = await submit("stray", "setsid sleep 1001 & disown; sleep 1001");
    const strays = (): number[] => leftoverProcesses(jobs).map(({ pid }) => pid);
    await waitFor("its processes", () => strays().length >= 3);
    const identities = strays().map(identifyProcess);
    await ok(bed, `qdel ${id}`);
    await waitFor("them to end", () => identities.every((one) => one === undefined || !isAlive(one)));
    expect(await stateOf(bed, id)).toBe("C");
  });

  it("refuses what a queue does not allow", async () => {
    const { code, stdout } = await ssh(bed, `qsub -q short -l nodes=1,walltime=03:00:00 ${join(jobs, "where.sh")}`);
    expect(code).toBe(1);
    expect(stdout).toContain("Requested time limit is invalid");
  });

  it("answers nobody while slurmctld is away, and goes on where it was", async () => {
    const id = await submit("patient", "sleep 1002");
    await waitFor("it to run", async () => (await stateOf(bed, id)) === "R");
    await bed.stopController();
    expect(await ssh(bed, `qstat -f ${id}`)).toMatchObject({ code: 8, stdout: "" });
    expect(await ssh(bed, `qdel ${id}`)).toMatchObject({ code: 1 });
    await bed.startController();
    expect(await stateOf(bed, id)).toBe("R");
    await ok(bed, `qdel ${id}`);
    await waitFor("it to end", () => leftoverProcesses(jobs).length === 0);
  });

  it("loses a host whose cable is cut, and its job with it; what runs there goes on", async () => {
    const id = await submit("lost", "hostname; exec sleep 1003");
    await waitFor("it to run", () => output("lost") !== "");
    const node = output("lost").trim();
    await bed.cutLink(node);
    await waitFor("the host to be down", async () => /state = down/.test(await ok(bed, `pbsnodes ${node}`)), {
      timeoutMs: 120_000,
      everyMs: 500,
    });
    await waitFor("the job to be given up", async () => (await stateOf(bed, id)) === "C", {
      timeoutMs: 60_000,
      everyMs: 500,
    });
    expect(leftoverProcesses(jobs).length).toBeGreaterThan(0);
    await bed.healLink(node);
    await waitFor("the host to be free", async () => /state = free/.test(await ok(bed, `pbsnodes ${node}`)), {
      timeoutMs: 120_000,
      everyMs: 500,
    });
    await waitFor("what ran there to be ended", () => leftoverProcesses(jobs).length === 0, { timeoutMs: 60_000 });
  });

  it("drops ssh connections, and an sshd that is away comes back with its key", async () => {
    const cut = ssh(bed, "echo here > " + join(jobs, "session") + "; sleep 1004");
    await waitFor("the session", () => readdirSync(jobs).includes("session"));
    bed.dropConnections();
    expect((await cut).code).toBe(255);
    await bed.stopSshd();
    expect((await ssh(bed, "true")).code).toBe(255);
    await bed.startSshd();
    expect(await ok(bed, "hostname")).toBe("head");
  });

  it("answers from outside on ssh alone, and to the hosts with Slurm's ports alone", async () => {
    const places: readonly Place[] = spacesOf(bed.network).map(({ name, namespace }) => ({
      name,
      enter: enterNamespace(namespace),
    }));
    const rows = (await reachability(places)).filter(isOpen).filter(({ from, place }) => from !== place);
    const seen = Object.fromEntries(
      places.map(({ name }) => [
        name,
        rows
          .filter(({ from }) => from === name)
          .map(({ place, program, address, port }) => `${place} ${program} ${address}:${port}`)
          .sort(),
      ]),
    );
    const head = "head slurmctld 10.79.0.2:6817";
    const slurmds = bed.network.members.map(({ name, addresses }) => `${name} slurmd ${addresses.batch ?? ""}:6818`);
    const sshd = "head sshd 10.78.0.2:22";
    const others = (name: string): string[] => [...slurmds.filter((line) => !line.startsWith(name)), head];
    expect(seen).toEqual({
      gateway: [],
      outside: [sshd],
      head: slurmds,
      dn1: others("dn1"),
      dn2: others("dn2"),
      dn3: others("dn3"),
    });
  });

  it("is not started twice in one directory", async () => {
    await expect(
      startSlurmBed({ stateDir: join(dir, "bed"), prefix: `u${tag}`, nodes: ["dn1"], log }),
    ).rejects.toMatchObject({
      code: "SLURM_BED_FAILED",
    });
    expect(await ok(bed, "sinfo -h -o %T -p batch")).toContain("idle");
  });

  it("that nobody ended ends with the process that started it, and its directory is enough to remove the rest", async () => {
    const stateDir = join(dir, "killed");
    const program = `
      const { startSlurmBed } = await import(${JSON.stringify(new URL("../../orchestrator/demo/slurm/index.ts", import.meta.url).href)});
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      const bed = await startSlurmBed({ stateDir: ${JSON.stringify(stateDir)}, prefix: "k${tag}", nodes: ["dn1"], log });
      const { code } = await bed.onHead(["qsub", "-o", "/dev/null", "-e", "/dev/null", ${JSON.stringify(join(jobs, "stray.sh"))}]);
      console.log(code);
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said = await new Promise<string>((resolve) =>
      child.stdout.once("data", (data: Buffer) => resolve(data.toString())),
    );
    expect(said.trim()).toBe("0");
    await waitFor("its job", () => leftoverProcesses(jobs).length >= 3);
    child.kill("SIGKILL");
    await waitFor(
      "everything of it to end",
      () => leftoverProcesses(stateDir).length + leftoverProcesses(jobs).length === 0,
    );
    expect(listNamespaces(`k${tag}`)).not.toEqual([]);
    expect(await stopSlurmBed(stateDir)).toBe(true);
    expect(await stopSlurmBed(stateDir)).toBe(false);
    expect(listNamespaces(`k${tag}`)).toEqual([]);
    expect(readdirSync(stateDir)).toEqual(["log"]);
  });
});
