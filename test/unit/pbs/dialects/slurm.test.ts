import { describe, expect, it } from "vitest";

import type { CommandResult, JobSpec, JobStatus } from "../../../../pbs/batch-system.ts";
import { slurm } from "../../../../pbs/dialects/slurm.ts";
import { BackfillError } from "../../../../worker/contract/errors.ts";
import { capture } from "../captures.ts";

const SPEC: JobSpec = {
  name: "gh7k2d-d1",
  queue: "long",
  cpus: 2,
  memoryBytes: 3 * 2 ** 30,
  walltimeSeconds: 43_200,
  outputFile: "/c/it's 100%/out",
  errorFile: "/c/$(id)/err",
  scriptFile: "/c/a b/job.pbs",
  extraDirectives: ["-A account", "#SBATCH --qos=long"],
};

const answer = (code: number, stdout = "", stderr = ""): CommandResult => ({ argv: ["squeue"], code, stdout, stderr });

function jobs(name: string): readonly JobStatus[] {
  const read = slurm.statusFormats[0].parse(capture(`slurm/${name}`));
  if (typeof read === "string") throw new Error(read);
  return read;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof BackfillError) return `${error.code}${error.retryable ? " again" : ""}`;
    throw error;
  }
  return "nothing";
}

describe("what Slurm is asked", () => {
  it("Torque's lines, one -l, and its own for what those cannot say", () => {
    expect(slurm.directives({ ...SPEC, properties: ["big", "x64"], excludeHosts: ["dn1", "dn3"] })).toEqual([
      "#PBS -N gh7k2d-d1",
      "#PBS -q long",
      "#PBS -l nodes=1:ppn=2,mem=3072mb,walltime=12:00:00",
      "#SBATCH --no-requeue",
      "#SBATCH --constraint=big&x64",
      "#SBATCH --exclude=dn1,dn3",
      "#PBS -A account",
      "#SBATCH --qos=long",
    ]);
  });

  it("paths quoted for the wrapper's shell, percent signs for Slurm's patterns", () => {
    expect(slurm.submitArgv(SPEC)).toEqual([
      "qsub",
      "-o",
      `'/c/it'\\''s 100%%/out'`,
      "-e",
      "'/c/$(id)/err'",
      "'/c/a b/job.pbs'",
    ]);
  });

  it("no default of a server", () => {
    expect(slurm.defaultQueue).toBeUndefined();
  });
});

describe("what the wrapper answers", () => {
  it("a queued job has no start, though Slurm expects one", () => {
    const [job] = jobs("qstat-f-multinode-queued");
    expect(job).toMatchObject({ state: "queued", hosts: [] });
    expect(job).not.toHaveProperty("startedAt");
  });

  it("mtime is the start and ctime the end", () => {
    const [job] = jobs("qstat-f-walltime");
    expect(((job?.endedAt ?? 0) - (job?.startedAt ?? 0)) / 1000).toBe(78);
  });

  it.each([
    ["nothing found", answer(153), []],
    ["nothing found, with a word", answer(153, "", "oops"), "QSTAT_FAILED again"],
    ["controller away", capture("slurm/ctld-down-qstat"), "QSTAT_FAILED again"],
  ])("%s", (_, out, expected) => {
    const [format] = slurm.statusFormats;
    if (typeof expected === "string") expect(codeOf(() => format.parse(out))).toBe(expected);
    else expect(format.parse(out)).toEqual(expected);
  });

  const refusal = (text: string): CommandResult =>
    answer(1, `There was an error running the Slurm sbatch command.\n'${text}'\n`);
  it.each([
    ["never reached", capture("slurm/ctld-down-qsub"), "QSUB_REFUSED again"],
    ["reached, answer lost", refusal("Unable to contact slurm controller (receive failure)"), "QSUB_UNANSWERED again"],
    ["timed out", refusal("Socket timed out on send/recv operation"), "QSUB_UNANSWERED again"],
    ["full", refusal("Slurm temporarily unable to accept job, sleeping and retrying"), "QSUB_REFUSED again"],
    ["refused", refusal("Invalid partition name specified"), "QSUB_REFUSED"],
    [
      "a killed sbatch",
      answer(0, "There was an error running the Slurm sbatch command.\n12\n"),
      "QSUB_UNANSWERED again",
    ],
    ["a federation's name", answer(0, "gridtest\n"), "QSUB_UNANSWERED again"],
  ])("qsub %s: %s", (_, out, code) => {
    expect(codeOf(() => slurm.parseSubmit(out))).toBe(code);
  });

  it.each([
    ["slurm/qdel-running", "cancelled"],
    ["slurm/qdel-unknown", "already-gone"],
    ["slurm/qdel-finished", "already-gone"],
  ])("%s: %s", (name, verdict) => {
    expect(slurm.parseCancel(capture(name))).toBe(verdict);
  });

  it("a qdel that was not allowed is of no use again, one without a controller is", () => {
    const denied = answer(1, "qdel: Kill job error on job id 5: Access/permission denied\n");
    expect(codeOf(() => slurm.parseCancel(denied))).toBe("QDEL_FAILED");
    expect(codeOf(() => slurm.parseCancel(capture("slurm/ctld-down-qdel")))).toBe("QDEL_FAILED again");
  });
});

describe("what squeue adds", () => {
  const refine = (qstat: string, squeue: CommandResult): ReadonlyMap<string, JobStatus> =>
    new Map(slurm.details?.refine(jobs(qstat), squeue).map((job) => [job.name, job]));

  it("how each job ended, held ones, and the reason why others wait", () => {
    const all = refine("qstat-f-many", capture("slurm/squeue-many-2"));
    expect(
      [...all.values()].map(({ name, state, end, exitStatus, comment }) => [name, state, end, exitStatus, comment]),
    ).toEqual([
      ["ok", "finished", "completed", 0, undefined],
      ["ex7", "finished", "completed", 7, "NonZeroExitCode"],
      ["big", "running", undefined, undefined, undefined],
      ["wall", "running", undefined, undefined, undefined],
      ["del", "finished", "deleted-running", 271, undefined],
      ["delt", "finished", "deleted-running", 143, undefined],
      // Killed for its memory by a signal that has no name: nobody says whose it was.
      ["oom", "finished", "killed", 265, "JobLaunchFailure"],
      ["held", "held", undefined, undefined, "JobHeldUser"],
      ["wait2", "queued", undefined, undefined, "Resources"],
      ["willfail", "queued", undefined, undefined, "Priority"],
      ["dep", "queued", undefined, undefined, "Dependency"],
    ]);
  });

  const line = (state: string, wait: number, reason = "None") => answer(0, `17 ${state} ${String(wait)} 0 ${reason}\n`);
  it.each([
    ["NODE_FAIL", 15, "NodeDown", "node-lost", undefined],
    ["TIMEOUT", 15, "TimeLimit", "walltime", 271],
    ["OUT_OF_MEMORY", 0, "OutOfMemory", "memory", 0],
    ["FAILED", 4021, "JobLaunchFailure", "start-failed", undefined],
    ["PREEMPTED", 15, "None", "killed", 271],
    ["SOMETHING_NEW", 0, "None", undefined, 0],
  ])("a job that ran, in state %s", (state, wait, reason, end, exitStatus) => {
    const job = refine("qstat-f-node-down", line(state, wait, reason)).get("nl");
    expect([job?.state, job?.end, job?.exitStatus]).toEqual(["finished", end, exitStatus]);
  });

  it.each([
    ["COMPLETING", "exiting"],
    ["PENDING", "queued"],
    ["REQUEUE_HOLD", "held"],
    ["RUNNING", "running"],
  ])("a job that is shown as ended and is %s has not ended", (state, expected) => {
    const job = refine("qstat-f-node-down", line(state, 0)).get("nl");
    expect(job?.state).toBe(expected);
    for (const key of ["end", "endedAt", "exitStatus"]) expect(job).not.toHaveProperty(key);
  });

  it.each([
    ["Resources", "deleted-queued"],
    ["DependencyNeverSatisfied", "failed-dependency"],
  ])("a job that never ran and was cancelled: %s", (reason, end) => {
    const job = refine("qstat-f-qdel-queued", line("CANCELLED", 0, reason)).get("q1");
    expect([job?.state, job?.end, job?.exitStatus]).toEqual(["finished", end, undefined]);
  });

  it("nothing about jobs that it knows no more; no answer is no end", () => {
    const before = jobs("qstat-f-exit7");
    expect(slurm.details?.refine(before, capture("slurm/squeue-unknown"))).toEqual(before);
    expect(codeOf(() => slurm.details?.refine(before, capture("slurm/squeue-ctld-down")))).toBe("QSTAT_FAILED again");
  });
});

describe("the site", () => {
  it("partitions: what they allow, which is the default, which take jobs and start them", () => {
    const partitions = slurm.parseLimits(capture("slurm/scontrol-partitions"));
    expect(partitions.map(({ queue, isDefault, accepts, starts }) => [queue, isDefault, accepts, starts])).toEqual([
      ["batch", true, true, true],
      ["short", false, true, true],
      ["shut", false, true, false],
    ]);
    expect(partitions[1]?.limits).toEqual([
      { name: "MaxTime", resource: "walltimeSeconds", bound: "most", value: 7200 },
      { name: "MaxCPUsPerNode", resource: "cpus", bound: "most", value: 4 },
      { name: "MaxMemPerNode", resource: "memoryBytes", bound: "most", value: 8000 * 2 ** 20 },
    ]);
  });

  it("hosts, and one that does not answer whatever its state", () => {
    expect(slurm.parseNodes(capture("slurm/pbsnodes-set-offline"))).toMatchObject([
      { name: "dn1", state: "free", properties: ["big"], slots: 8 },
      { name: "dn2", state: "down", properties: ["big", "fast"], note: "cable" },
      { name: "dn3", state: "offline", properties: [], note: "bad disk" },
    ]);
    const silent = answer(0, "dn1\n    state = free\n    np = 8\n    status = state=free,slurmstate=idle*,ncpus=8\n\n");
    expect(slurm.parseNodes(silent)).toMatchObject([{ state: "down" }]);
  });

  it("a trial that could not be made is no refusal", () => {
    const test = slurm.test;
    expect(test?.parse(capture("slurm/sbatch-test-only-toobig"))).toEqual({
      accepted: false,
      text: "allocation failure: More processors requested than permitted",
    });
    expect(codeOf(() => test?.parse(capture("slurm/sbatch-test-only-ctld-down")))).toBe("QSTAT_FAILED again");
  });
});
