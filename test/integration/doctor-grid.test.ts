import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { startSlurmBed, stopSlurmBed, type SlurmBed } from "../../orchestrator/demo/slurm/index.ts";
import type { Diagnosis } from "../../orchestrator/doctor.ts";
import { createLog } from "../../orchestrator/log.ts";
import { enterNamespace } from "../../orchestrator/network/index.ts";
import { lowLimitsHere } from "../../worker/contract/bootstrap-checks.ts";
import { clockOff } from "../support/fake-clock.ts";
import { describeWith } from "../support/ground-rule.ts";
import { privateStateDir } from "../support/state-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const CLI = new URL("../../orchestrator/cli/gridharvest.mjs", import.meta.url).pathname;

/** The checks that look at the grid; what the others find is this machine's. */
const GRID = ["frontend", "frontend commands", "frontend clock", "node staging", "batch system", "nodes"];

interface Site {
  readonly dataNodes?: Readonly<Record<string, unknown>>;
  readonly parsers?: Readonly<Record<string, unknown>>;
  readonly access?: Readonly<Record<string, unknown>>;
}

/**
 * `gridharvest doctor` where an operator runs it: outside of the grid's network, with the frontend's sshd to log in to, a gateway between the
 * networks, and hosts that only jobs get to. Every fault is made for real.
 */
describeWith(["namespaces", "slurm", "faketime"], "doctor on a grid", () => {
  const dir = privateStateDir("doctor-grid");
  const stateDir = join(dir, "state");
  const scratch = join(stateDir, "scratch");
  const staging = join(dir, "staging");
  let bed: SlurmBed;

  beforeAll(async () => {
    mkdirSync(scratch, { recursive: true });
    mkdirSync(staging);
    const prefix = `d${process.pid.toString(36).slice(-4)}`;
    const log = createLog({ level: "warn" });
    bed = await startSlurmBed({ stateDir: join(dir, "bed"), prefix, nodes: ["dn1", "dn2"], log });
    // What libfaketime leaves there goes with the hosts.
    const shm = ["mount", "-t", "tmpfs", "tmpfs", "/dev/shm"];
    await onHead(...shm);
    for (const { name } of bed.nodes) await onNode(name, ...shm);
  });
  afterAll(async () => {
    await stopSlurmBed(join(dir, "bed"));
  });

  /** Whatever doctor found, nothing of it is left. */
  afterEach(async () => {
    expect(readdirSync(stateDir)).toEqual(["scratch"]);
    for (const place of [scratch, staging]) expect(readdirSync(place)).toEqual([]);
    await waitFor("no job to be left", async () => (await jobs()).length === 0);
  });

  /** Names of the jobs that have not ended. */
  const jobs = async (): Promise<readonly string[]> =>
    (await onHead("squeue", "--noheader", "--format=%j")).split("\n").filter((name) => name !== "");

  async function onHead(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await bed.onHead(argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  }

  async function onNode(name: string, ...argv: readonly string[]): Promise<void> {
    const { code, stderr } = await bed.onNode(name, argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  }

  /** Starts it on a site where data nodes go to dn1 and parsers to dn2, by lines of the site. */
  function startDoctor({ dataNodes = {}, parsers = {}, access = {} }: Site) {
    const { host, user, identityFile, hostKey } = bed.ssh;
    const { gateway, outside } = bed.network;
    const config = {
      stateDir,
      archive: { root: dir },
      dataNodes: { extraDirectives: ["#SBATCH --nodelist=dn1"], ...dataNodes },
      parsers: { queue: "short", walltime: "2h", extraDirectives: ["#SBATCH --nodelist=dn2"], ...parsers },
      batch: { system: "slurm", access: { kind: "ssh", host, user, identityFile, hostKey, ...access } },
      network: {
        provider: "namespaces",
        gatewayAddress: gateway.addresses.vlan,
        outsideAddress: gateway.addresses.outside,
        gateway: { placement: "namespace" },
        namespaces: { gateway: gateway.namespace },
      },
    };
    // JSON is YAML.
    const file = join(dir, "site.yaml");
    writeFileSync(file, JSON.stringify(config));
    const [program, ...args] = [
      ...enterNamespace(outside.namespace),
      ...[process.execPath, CLI, "--json", "doctor", "--config", file],
    ];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let [out, err] = ["", ""];
    child.stdout.on("data", (data: Buffer) => (out += String(data)));
    child.stderr.on("data", (data: Buffer) => (err += String(data)));
    const ended = new Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>((resolve) =>
      child.once("close", (code) => resolve({ code, out, err })),
    );
    return { child, ended };
  }

  type Found = readonly Pick<Diagnosis, "name" | "text" | "remedy">[];

  /** What it finds of the grid that is not well. */
  async function findAll(site: Site = {}): Promise<Found> {
    const { code, out, err } = await startDoctor(site).ended;
    if (code !== 0 && code !== 1) throw new Error(`doctor ended with ${String(code)}: ${err}`);
    const { sound, checks } = JSON.parse(out) as { sound: boolean; checks: readonly Diagnosis[] };
    expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(GRID));
    expect([sound, code]).toEqual(checks.some(({ level }) => level === "missing") ? [false, 1] : [true, 0]);
    return checks
      .filter(({ name, level }) => GRID.includes(name) && level !== "ok")
      .map(({ level: _, ...finding }) => finding);
  }

  /** Limits that this machine really has, and dn1 with it. */
  const own = lowLimitsHere().map(({ text, remedy }) => ({ name: "nodes", text: `dn1: ${text}`, remedy }));

  async function find(site: Site = {}): Promise<Found> {
    return (await findAll(site)).filter(({ text }) => !own.some((limit) => limit.text === text));
  }

  const saying = (text: string): string => expect.stringContaining(text) as string;

  it.each([
    ["shared", {}],
    ["copied to the frontend", { files: "sftp", stagingDir: staging }],
  ])("finds nothing wrong where nothing is, with files that are %s", async (_how, access) => {
    expect(await findAll({ access })).toEqual(own);
    const place = "stagingDir" in access ? staging : stateDir;
    expect(bed.sshCommands().filter((line) => line.includes(` qsub -o ${place}/`))).toHaveLength(2);
  });

  it("finds a queue that is not there, and a walltime over a queue's limit", async () => {
    expect(await find({ dataNodes: { queue: "lnog" }, parsers: { walltime: "3h" } })).toEqual([
      {
        name: "batch system",
        text: [
          "slurm: 2 of 2 hosts up",
          "dataNodes.queue: there is no queue lnog",
          "parsers asks for 03:00:00, and queue short allows at most 02:00:00 (MaxTime)",
        ].join("\n"),
        remedy: "correct queue, walltime, memory or cpus of that role",
      },
      { name: "nodes", text: "es-data: no host was looked at: there is no queue lnog" },
    ]);
  });

  it("finds that the frontend's host key has changed", async () => {
    const key = join(dir, "bed", "ssh", "host");
    const pinned = bed.ssh.hostKey;
    renameSync(key, `${key}.before`);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    const now = execFileSync("ssh-keygen", ["-l", "-E", "sha256", "-f", key], { encoding: "utf8" }).split(" ")[1] ?? "";
    await bed.stopSshd();
    await bed.startSshd();
    try {
      const [frontend, ...others] = await find();
      expect(frontend).toEqual({ name: "frontend", text: saying(pinned), remedy: saying(`hostKey: ${now}`) });
      expect(frontend?.text).toContain(now);
      expect(new Set(others.map(({ text }) => text))).toEqual(new Set(["not looked at: the frontend is not reached"]));
    } finally {
      renameSync(`${key}.before`, key);
      await bed.stopSshd();
      await bed.startSshd();
    }
  });

  it("finds a scratch directory that cannot be written to, a clock that is off and a missing route, and names the nodes", async () => {
    const address = bed.network.gateway.addresses.vlan ?? "";
    bed.setEnvironment("dn1", clockOff("+2h"));
    // The head can be reached all the same.
    await onNode("dn1", "ip", "route", "add", "unreachable", address);
    await onNode("dn2", "mount", "--bind", scratch, scratch);
    await onNode("dn2", "mount", "-o", "remount,bind,ro", scratch);
    try {
      expect(await find()).toEqual([
        {
          name: "nodes",
          text: expect.stringMatching(/^the clock of dn1 is 7[12]\d\d s ahead of the one here$/) as string,
          remedy: saying("NTP"),
        },
        {
          name: "nodes",
          text: `dn1 does not get through to the gateway at ${address}: No route to host`,
          remedy: saying("network.gatewayAddress"),
        },
        {
          name: "nodes",
          text: `dn2: nothing can be written to the scratch directory ${scratch}: Read-only file system`,
          remedy: saying("stateDir"),
        },
      ]);
    } finally {
      bed.setEnvironment("dn1", {});
      await onNode("dn1", "ip", "route", "del", "unreachable", address);
      await onNode("dn2", "umount", scratch);
    }
  });

  it("finds a frontend's clock that is off", async () => {
    bed.setEnvironment("head", clockOff("-2h"));
    // Slurm gives jobs the environment of whoever submits them.
    for (const { name } of bed.nodes) bed.setEnvironment(name, { LD_PRELOAD: "" });
    try {
      expect(await find()).toEqual([
        {
          name: "frontend clock",
          text: expect.stringMatching(/^the clock of \S+ is 7[12]\d\d s behind the one here$/) as string,
          remedy: saying("NTP"),
        },
      ]);
    } finally {
      for (const name of ["head", ...bed.nodes.map((node) => node.name)]) bed.setEnvironment(name, {});
    }
  });

  it("deletes its jobs when it is interrupted", async () => {
    const later = { extraDirectives: ["#SBATCH --begin=now+1hour"] };
    const { child, ended } = startDoctor({ dataNodes: later, parsers: later });
    await waitFor("its jobs", async () => (await jobs()).length === 2, { timeoutMs: 60_000 });
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130 });
    expect(await jobs()).toEqual([]);
  });

  // The last one: a limit that was lowered stays so.
  it("finds a node on which too few files can be opened", async () => {
    await onNode("dn2", "sh", "-c", 'prlimit --nofile=4096:4096 --pid "$(pgrep -x slurmd)"');
    expect(await find({ dataNodes: { extraDirectives: ["#SBATCH --nodelist=dn2"] } })).toContainEqual({
      name: "nodes",
      text: "dn2: the hard limit of open files (nofile) is 4096, Elasticsearch wants 65535",
      remedy: saying("LimitNOFILE=65536"),
    });
  });
});
