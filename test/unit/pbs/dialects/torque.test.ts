import { describe, expect, it } from "vitest";

import type { CommandResult, JobSpec } from "../../../../pbs/batch-system.ts";
import { hostsOf, torque, walltimeText } from "../../../../pbs/dialects/torque.ts";
import { GridError } from "../../../../worker/contract/errors.ts";
import { capture, capturesOf } from "../captures.ts";

const SPEC: JobSpec = {
  name: "gh7k2d-data-1",
  cpus: 2,
  memoryBytes: 3 * 2 ** 30 + 1,
  walltimeSeconds: 43_200,
  outputFile: "/campaign/jobs/data 1/stdout",
  errorFile: "/campaign/jobs/data 1/stderr",
  scriptFile: "/campaign/jobs/data 1/job.pbs",
  extraDirectives: ["-l feature=fast", "-W umask=077"],
};

function errorOf(run: () => unknown): GridError {
  try {
    run();
  } catch (error) {
    if (error instanceof GridError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const answer = (code: number, stdout = "", stderr = ""): CommandResult => ({ argv: ["qsub"], code, stdout, stderr });

describe("what Torque is asked", () => {
  it("directives, paths as arguments", () => {
    expect(torque.directives({ ...SPEC, queue: "long" })).toEqual([
      "-N gh7k2d-data-1",
      "-q long",
      "-l nodes=1:ppn=2,mem=3073mb,walltime=12:00:00",
      "-r n",
      "-l feature=fast",
      "-W umask=077",
    ]);
    expect(torque.submitArgv(SPEC)).toEqual([
      "qsub",
      "-o",
      "/campaign/jobs/data 1/stdout",
      "-e",
      "/campaign/jobs/data 1/stderr",
      "/campaign/jobs/data 1/job.pbs",
    ]);
  });

  it("one qstat for all ids, one qdel for each", () => {
    expect(torque.statusArgv(["1.s", "2.s"])).toEqual(["qstat", "-f", "1.s", "2.s"]);
    expect(torque.listArgv()).toEqual(["qstat", "-f"]);
    expect(torque.cancelArgv("1.s")).toEqual(["qdel", "1.s"]);
  });

  it.each([
    [59, "00:00:59"],
    [3661, "01:01:01"],
    [100 * 3600, "100:00:00"],
  ])("walltime of %i s", (seconds, text) => {
    expect(walltimeText(seconds)).toBe(text);
  });
});

describe("qsub's answers", () => {
  it.each([
    ["torque/qsub-stdin", "6.pbs-server"],
    ["torque/qsub-array-t", "19[].pbs-server"],
  ])("%s", (name, id) => {
    expect(torque.parseSubmit(capture(name))).toBe(id);
  });

  const refusals = capturesOf("torque", "qsub-").filter((name) => capture(name).code !== 0);
  it.each(refusals)("%s is a refusal that shows its reason", (name) => {
    const out = capture(name);
    const error = errorOf(() => torque.parseSubmit(out));
    expect(error).toMatchObject({ code: "QSUB_REFUSED", retryable: false, context: { exit: out.code } });
    expect(error.message).toContain(out.stderr.trim().slice(0, 60));
  });

  it("a server that is away may take the job later", () => {
    const out = capture("torque/server-down-qsub");
    expect(errorOf(() => torque.parseSubmit(out))).toMatchObject({ code: "QSUB_REFUSED", retryable: true });
  });

  it.each([
    ["no id", answer(0, "thank you\n")],
    ["killed", answer(137)],
    ["ended", answer(143, "", "Terminated")],
  ])("%s: nobody knows whether it submitted", (_, out) => {
    expect(errorOf(() => torque.parseSubmit(out))).toMatchObject({ code: "QSUB_UNANSWERED", retryable: true });
  });
});

describe("qstat's answers", () => {
  const statusOf = (name: string) => torque.parseStatus(capture(`torque/${name}`))[0];

  it("a running job", () => {
    expect(statusOf("qstat-f-running")).toEqual({
      id: "0.pbs-server",
      name: "esdata",
      owner: "griduser",
      state: "running",
      rawState: "R",
      hosts: ["node1"],
      startedAt: new Date(2026, 10, 23, 17, 30, 45).getTime(),
    });
  });

  it.each([
    ["qstat-f-ex7", 7],
    ["qstat-f-sig9", 137],
    ["qstat-f-trap", 271],
    ["qstat-f-child", 271],
    ["qstat-f-wall", -11],
    ["qstat-f-mem", 12],
    ["qstat-f-qdel-queued", undefined],
  ])("%s: finished with %s", (name, exitStatus) => {
    const status = statusOf(name);
    expect(status?.state).toBe("finished");
    expect(status?.exitStatus).toBe(exitStatus);
  });

  it("every captured state is known", () => {
    const states = capturesOf("torque", "qstat-f-").flatMap((name) => torque.parseStatus(capture(name)));
    expect(states.length).toBeGreaterThan(20);
    expect(states.filter(({ state }) => state === "unknown")).toEqual([]);
    expect(new Set(states.map(({ rawState }) => rawState))).toContain("H");
  });

  it("known jobs of a call with unknown ones too", () => {
    expect(torque.parseStatus(capture("torque/qstat-f-mixed")).map(({ id }) => id)).toEqual(["0.pbs-server"]);
    expect(torque.parseStatus(capture("torque/qstat-f-unknown"))).toEqual([]);
    expect(torque.parseStatus(answer(0))).toEqual([]);
  });

  it("a state that nobody told us of is no end", () => {
    const out = answer(0, "Job Id: 1.s\n    Job_Name = a\n    job_state = Z\n");
    expect(torque.parseStatus(out)).toEqual([{ id: "1.s", name: "a", state: "unknown", rawState: "Z", hosts: [] }]);
  });

  it.each([
    ["server down", capture("torque/server-down-qstat")],
    ["a queue that is not there", capture("torque/qstat-badid")],
    ["another text", answer(0, "Welcome to the grid!\n")],
  ])("%s is no answer", (_, out) => {
    expect(errorOf(() => torque.parseStatus(out))).toMatchObject({ code: "QSTAT_FAILED", retryable: true });
  });

  it.each([
    ["node1/0", ["node1"]],
    ["node1/6-7", ["node1"]],
    ["a/0+a/1+b/0,2", ["a", "b"]],
    ["127.0.1.1/0", ["127.0.1.1"]],
    ["node2/3*2", ["node2"]],
    [undefined, []],
  ])("hosts of %s", (text, hosts) => {
    expect(hostsOf(text)).toEqual(hosts);
  });
});

describe("qdel's answers", () => {
  it.each([
    ["torque/qdel-queued", "cancelled"],
    ["torque/qdel-running", "cancelled"],
    ["torque/qdel-unknown", "already-gone"],
    ["torque/qdel-finished", "already-gone"],
  ])("%s: %s", (name, verdict) => {
    expect(torque.parseCancel(capture(name))).toBe(verdict);
  });

  it.each(["torque/qdel-nodelost", "torque/qdel-p-user", "torque/qdel-badid"])("%s: the job is still there", (name) => {
    expect(errorOf(() => torque.parseCancel(capture(name)))).toMatchObject({ code: "QDEL_FAILED" });
  });
});
