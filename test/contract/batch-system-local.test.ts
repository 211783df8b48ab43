import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { readActiveJobs, readJob } from "../../pbs/local/job.ts";
import { localPaths } from "../../pbs/local/settings.ts";
import { identifyProcess } from "../../worker/contract/process.ts";
import {
  jobStatus,
  localBench,
  release,
  submitJob,
  untilFile,
  untilReleased,
  untilState,
  writeJob,
} from "../support/batch-jobs.ts";
import { privateStateDir } from "../support/state-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const never = new AbortController().signal;
type Bench = Awaited<ReturnType<typeof localBench>>;

function momOf(bench: Bench, id: string): number {
  return readJob(bench.batchDir, Number.parseInt(id, 10))?.mom.pid ?? 0;
}

function run(
  bench: Bench,
  program: string,
  args: readonly string[],
  input = "",
): { code: number; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(join(bench.binDir, program), args, {
    cwd: bench.dir,
    input,
    encoding: "utf8",
  });
  return { code: status ?? -1, out: stdout, err: stderr };
}

describe("the embedded batch system and its hosts", () => {
  const state = privateStateDir("batch-hosts");

  it("keeps jobs away from a host by naming another, also when that one is busy", async () => {
    const b = await localBench(join(state, "1"), { slotsPerNode: 1 });
    const [bad = "", good = ""] = ["127.0.1.1", "127.0.1.2"];
    const submit = async (name: string): Promise<string> => {
      const { excludeHosts, host } = await b.system.place(
        writeJob(b, name, untilReleased("go"), { excludeHosts: [bad] }),
        never,
      );
      expect([excludeHosts, host]).toEqual([[bad], good]);
      return submitJob(b, name, untilReleased("go"), { host: good });
    };
    const first = await submit("first");
    expect((await untilState(b, first, "running")).hosts).toEqual([good]);
    // The other host is free, and not for this job.
    const second = await submit("second");
    expect(await jobStatus(b, second)).toMatchObject({ state: "queued" });
    await expect(
      b.system.place(writeJob(b, "none", "exit 0", { excludeHosts: [bad, good] }), never),
    ).rejects.toMatchObject({ code: "HOSTS_EXCLUDED", retryable: true });
    release(b, "go");
    for (const id of [first, second]) expect((await untilState(b, id, "finished")).hosts).toEqual([good]);
    await expect(submitJob(b, "nowhere", "exit 0", { host: "127.0.9.9" })).rejects.toMatchObject({
      code: "QSUB_REFUSED",
    });
  });
});

describe("the embedded batch system under kill -9", () => {
  const state = privateStateDir("batch-kills");
  let benches = 0;
  const bench = (): Promise<Bench> => localBench(join(state, String(++benches)));

  it("a running job whose mom was killed is found finished, its processes gone", async () => {
    const b = await bench();
    const id = await submitJob(b, "abandoned", "setsid sleep 1000 & echo $! > child.pid; echo $$ > pid; sleep 1000");
    await untilFile(b, "pid");
    const mom = momOf(b, id);
    process.kill(mom, "SIGKILL");
    await waitFor("the mom to be gone", () => identifyProcess(mom) === undefined);

    expect(await jobStatus(b, id)).toMatchObject({ state: "finished", exitStatus: -4 });
    for (const file of ["pid", "child.pid"]) {
      expect(identifyProcess(Number(readFileSync(join(b.dir, file), "utf8")))).toBeUndefined();
    }
  });

  it("a queued job whose mom was killed gets another one", async () => {
    const b = await bench();
    const blockers = await Promise.all(
      [1, 2].map((n) => submitJob(b, `block${String(n)}`, untilReleased("go"), { cpus: 2 })),
    );
    await Promise.all(blockers.map((id) => untilState(b, id, "running")));
    const id = await submitJob(b, "patient", "exit 5");
    const mom = momOf(b, id);
    process.kill(mom, "SIGKILL");
    await waitFor("the mom to be gone", () => identifyProcess(mom) === undefined);
    expect(await jobStatus(b, id)).toMatchObject({ state: "queued" });
    release(b, "go");
    expect(await untilState(b, id, "finished")).toMatchObject({ exitStatus: 5 });
    await Promise.all(blockers.map((blocker) => untilState(b, blocker, "finished")));
  });

  it("a qsub that is killed at any moment has submitted a whole job or none", async () => {
    const b = await bench();
    const spec = writeJob(b, "killed", "echo x >> ran");
    // As long as one takes here and now, and a little longer.
    const begin = performance.now();
    await submitJob(b, "first", "echo x >> ran");
    const whole = (performance.now() - begin) * 1.2;
    for (const delay of Array.from({ length: 12 }, (_, n) => ((n + 1) / 12) * whole)) {
      const qsub = spawn(join(b.binDir, "qsub"), [spec.scriptFile], { cwd: b.dir, stdio: "ignore" });
      const exited = new Promise((resolve) => qsub.once("exit", resolve));
      // The moment is the point here: it is no wait for something to have happened.
      await sleep(delay);
      qsub.kill("SIGKILL");
      await exited;
    }
    const last = await submitJob(b, "last", "echo x >> ran");
    await untilState(b, last, "finished");
    const jobs = await waitFor("all to be finished", async () => {
      const listed = await b.system.list(never);
      return listed.every((job) => job.state === "finished") && listed;
    });
    expect(jobs.every((job) => job.exitStatus === 0)).toBe(true);
    expect(readFileSync(join(b.dir, "ran"), "utf8").trim().split("\n")).toHaveLength(jobs.length);
    await waitFor("no mom to be left", () => readActiveJobs(b.batchDir).length === 0);
  });

  it("the lock is free again when its holder was killed", async () => {
    const b = await bench();
    const lock = new URL("../../pbs/local/lock.ts", import.meta.url).href;
    const text = `const { withLock } = await import(process.argv[1]); withLock(process.argv[2], () => { console.log("held"); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", text, lock, b.batchDir], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    const submitted = submitJob(b, "waiting", "exit 0");
    holder.kill("SIGKILL");
    await untilState(b, await submitted, "finished");
  });

  it("a mom whose directory was removed does not leave its job behind", async () => {
    const b = await bench();
    const id = await submitJob(b, "homeless", "setsid sleep 1000 & echo $$ > pid; sleep 1000");
    await untilFile(b, "pid");
    const mom = momOf(b, id);
    renameSync(b.batchDir, `${b.batchDir}.gone`);
    await waitFor("the mom to be gone", () => identifyProcess(mom) === undefined);
    expect(identifyProcess(Number(readFileSync(join(b.dir, "pid"), "utf8")))).toBeUndefined();
  });

  it("a job that calls qsub does not take the new job with it", async () => {
    const b = await bench();
    const inner = writeJob(b, "inner", `${untilReleased("go")}; exit 6`);
    const outer = await submitJob(
      b,
      "outer",
      `'${join(b.binDir, "qsub")}' -V '${inner.scriptFile}' > inner.id; sleep 1.5`,
    );
    await untilState(b, outer, "finished");
    const id = readFileSync(join(b.dir, "inner.id"), "utf8").trim();
    expect(await untilState(b, id, "running")).toMatchObject({ name: "inner" });
    release(b, "go");
    expect(await untilState(b, id, "finished")).toMatchObject({ exitStatus: 6 });
  });
});

describe("the embedded batch system speaks Torque", () => {
  const state = privateStateDir("batch-torque");
  let benches = 0;
  const bench = (settings = {}): Promise<Bench> => localBench(join(state, String(++benches)), settings);

  it("gives a job Torque's environment, its node file and its home directory", async () => {
    const b = await bench();
    writeJob(b, "env", "");
    const { out, code } = run(
      b,
      "qsub",
      ["-N", "env", "-l", "nodes=2:ppn=2", "-v", "A=1 2,B", "-j", "oe"],
      "pwd; env; cat $PBS_NODEFILE\n",
    );
    expect(code).toBe(0);
    await untilState(b, out.trim(), "finished");
    const lines = readFileSync(join(b.dir, "env.o1"), "utf8").trim().split("\n");
    expect(lines[0]).toBe(process.env["HOME"]);
    expect(lines.slice(-4)).toEqual(["127.0.1.1", "127.0.1.1", "127.0.1.2", "127.0.1.2"]);
    const captured = readFileSync(new URL("../fixtures/pbs/torque/job-environment.txt", import.meta.url), "utf8");
    const names = new Set(lines.map((line) => line.split("=")[0]));
    // What belongs to daemons and devices that do not exist here.
    const absent = ["PBS_GPUFILE", "PBS_MICFILE", "PBS_MOMPORT", "PBS_VERSION"];
    for (const [, name = ""] of captured.matchAll(/^(PBS_(?!O_)\w+)=/gm)) {
      expect([name, names.has(name)]).toEqual([name, !absent.includes(name)]);
    }
    expect(lines).toContain("A=1 2");
    expect(lines).toContain("PBS_JOBID=1.localhost");
    expect(lines).toContain(`PBS_O_WORKDIR=${b.dir}`);
    expect(names.has("GRIDHARVEST_BATCH_DIR")).toBe(false);
  });

  it("answers with Torque's texts and exit codes", async () => {
    const b = await bench();
    expect(run(b, "qstat", ["99999"])).toEqual({
      code: 153,
      out: "",
      err: "qstat: Unknown Job Id Error 99999.localhost\n",
    });
    expect(run(b, "qstat", ["abc"])).toMatchObject({ code: 172, err: "qstat: Unknown queue destination abc\n" });
    expect(run(b, "qstat", [])).toEqual({ code: 0, out: "", err: "" });
    expect(run(b, "qdel", ["99999"])).toMatchObject({ code: 153, err: "qdel: nonexistent job id: 99999\n" });
    expect(run(b, "qdel", ["abc"])).toMatchObject({ code: 1, err: "qdel: illegally formed job identifier: abc\n" });
    expect(run(b, "qdel", [])).toMatchObject({ code: 2 });
    expect(run(b, "qsub", ["nosuch.sh"])).toMatchObject({
      code: 1,
      err: "qsub: script file 'nosuch.sh' cannot be loaded - No such file or directory\n",
    });
    expect(run(b, "qsub", ["-q", "nosuch"], "exit 0\n")).toMatchObject({ code: 172 });
    expect(run(b, "qsub", ["-l", "nosuchres=1"], "exit 0\n")).toMatchObject({ code: 189 });
    expect(run(b, "qsub", ["-l", "nodes=10:ppn=8"], "exit 0\n")).toMatchObject({ code: 190 });
    expect(run(b, "qsub", ["-N", "9bad name"], "exit 0\n")).toMatchObject({ code: 2 });
    expect(run(b, "pbsnodes", ["nosuch"])).toMatchObject({
      code: 1,
      err: "pbsnodes: Unknown node  MSG=cannot locate specified node\n",
    });
    expect(run(b, "qstat", ["--version"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Version: 6/) as string,
    });

    expect(run(b, "qsub", ["-", "-N", "viastdin"], "exit 0\n").out).toBe("1.localhost\n");
    await untilState(b, "1.localhost", "finished");
    expect(run(b, "qdel", ["1"])).toEqual({
      code: 170,
      out: "",
      err: "qdel: Request invalid for state of job MSG=invalid state for job - COMPLETE 1.localhost\n",
    });
    expect(run(b, "qstat", ["1", "2.localhost"])).toMatchObject({
      code: 153,
      err: "qstat: Unknown Job Id Error 2.localhost\n",
    });
    const list = run(b, "qstat", []).out.split("\n");
    expect(list[2]).toMatch(/^1\.localhost +viastdin +\S+ +\d\d:\d\d:\d\d C batch +$/);
    expect(run(b, "qstat", ["-x", "1"]).out).toContain("<Job_Id>1.localhost</Job_Id><Job_Name>viastdin</Job_Name>");
  });

  it("shows hosts, slots and jobs", async () => {
    const b = await bench({ slotsPerNode: 3 });
    const id = await submitJob(b, "two", untilReleased("go"), { cpus: 2 });
    await untilState(b, id, "running");
    expect(run(b, "pbsnodes", ["127.0.1.1"]).out).toBe(
      `127.0.1.1\n     state = free\n     power_state = Running\n     np = 3\n     ntype = cluster\n     jobs = 0-1/${id}\n\n`,
    );
    expect(run(b, "pbsnodes", ["-x"]).out).toContain(`<name>127.0.1.2</name><state>free</state>`);
    release(b, "go");
    await untilState(b, id, "finished");
  });

  it("keeps a job queued for the least delay", async () => {
    const b = await bench({ queueDelaySeconds: 2 });
    const submitted = Date.now();
    const id = await submitJob(b, "late", "exit 0");
    expect(await jobStatus(b, id)).toMatchObject({ state: "queued" });
    const { startedAt = 0 } = await untilState(b, id, "finished");
    // qstat prints whole seconds.
    expect(startedAt).toBeGreaterThanOrEqual(submitted + 1_000);
  });

  it("runs a job whose output file cannot be written, and says where the output is", async () => {
    const b = await bench();
    const id = await submitJob(b, "badout", "echo hello; exit 7", { outputFile: "/nosuch/dir/out" });
    expect(await untilState(b, id, "finished")).toMatchObject({ exitStatus: 7 });
    const hint = /sched_hint = (.*)/.exec(run(b, "qstat", ["-f", "-1", id]).out)?.[1] ?? "";
    const file = /see (\S+)/.exec(hint)?.[1] ?? "";
    expect(readFileSync(file, "utf8")).toBe("hello\n");
  });

  it("forgets finished jobs after the time that is set, with their files", async () => {
    const b = await bench({ keepCompletedSeconds: 0 });
    const first = await submitJob(b, "first", "exit 0");
    await untilState(b, first, "finished");
    const second = await submitJob(b, "second", "exit 0");
    expect(await jobStatus(b, first)).toBeUndefined();
    await untilState(b, second, "finished");
    expect(readdirSync(localPaths(b.batchDir).spool)).toEqual([String(Number.parseInt(second, 10))]);
  });
});
