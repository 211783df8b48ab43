import { describe, expect, it } from "vitest";

import type { CommandResult, JobSpec, JobStatus, StatusFormat } from "../../../../pbs/batch-system.ts";
import { torque } from "../../../../pbs/dialects/torque.ts";
import { GridError } from "../../../../worker/contract/errors.ts";
import { capture, capturesOf } from "../captures.ts";

const SPEC: JobSpec = {
  name: "gh7k2d-data-1",
  cpus: 2,
  memoryBytes: 3 * 2 ** 30 + 1,
  walltimeSeconds: 43_200,
  outputFile: "/campaign/jobs/data-1/stdout",
  errorFile: "/campaign/jobs/data-1/stderr",
  scriptFile: "/campaign/jobs/data-1/job.pbs",
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
      "#PBS -N gh7k2d-data-1",
      "#PBS -q long",
      "#PBS -l nodes=1:ppn=2,mem=3073mb,walltime=12:00:00",
      "#PBS -r n",
      "#PBS -l feature=fast",
      "#PBS -W umask=077",
    ]);
    expect(torque.submitArgv(SPEC)).toEqual([
      "qsub",
      "-o",
      "/campaign/jobs/data-1/stdout",
      "-e",
      "/campaign/jobs/data-1/stderr",
      "/campaign/jobs/data-1/job.pbs",
    ]);
  });

  it("properties, and a host by its name", () => {
    const lines = torque.directives({ ...SPEC, host: "node7", properties: ["big", "x64"] });
    expect(lines).toContain("#PBS -l nodes=node7:ppn=2:big:x64,mem=3073mb,walltime=12:00:00");
  });

  it("one qstat for all ids, XML first and text where that fails; one qdel for each", () => {
    expect(torque.statusFormats.map((format) => format.argv(["1.s", "2.s"]))).toEqual([
      ["qstat", "-f", "-x", "1.s", "2.s"],
      ["qstat", "-f", "1.s", "2.s"],
    ]);
    expect(torque.statusFormats[0].argv([])).toEqual(["qstat", "-f", "-x"]);
    expect(torque.cancelArgv("1.s")).toEqual(["qdel", "1.s"]);
    expect(torque.submitArgv(SPEC, true).slice(0, 2)).toEqual(["qsub", "-h"]);
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
    expect(error.message).toContain(out.stderr.replaceAll(/\s+/g, " ").trim().slice(0, 60));
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
  const [xml, text] = torque.statusFormats as readonly [StatusFormat, StatusFormat];
  const readXml = (name: string) => xml.parse(capture(`torque/${name}`));
  const jobs = (read: ReturnType<StatusFormat["parse"]>): readonly JobStatus[] => {
    if (typeof read === "string") throw new Error(read);
    return read;
  };

  it("a running job, with the server's epoch seconds", () => {
    const job = jobs(readXml("qstat-fx")).find(({ id }) => id === "8.pbs-server");
    expect(job).toEqual({
      id: "8.pbs-server",
      name: "multil",
      owner: "griduser",
      queue: "batch",
      state: "running",
      rawState: "R",
      hosts: ["node1"],
      restarts: 0,
      queuedAt: 1795455068_000,
      startedAt: 1795455068_000,
      comment: "Job started on Mon Nov 23 at 17:31",
    });
  });

  it("the same jobs from the XML and from the text", () => {
    const timeless = (job: JobStatus) => {
      const { queuedAt: _q, startedAt: _s, endedAt: _e, ...rest } = job;
      return rest;
    };
    const fromText = jobs(text.parse(capture("torque/qstat-f-all"))).map(timeless);
    expect(fromText).toHaveLength(22);
    expect(jobs(readXml("qstat-fx-all")).map(timeless)).toEqual(fromText);
  });

  it("times of the text are local ones", () => {
    const [job] = jobs(text.parse(capture("torque/qstat-f-running")));
    expect(job?.startedAt).toBe(new Date(2026, 10, 23, 17, 30, 45).getTime());
  });

  it("characters that XML cannot hold make it unreadable, once", () => {
    const { stdout } = capture("torque/qstat-fx-ex7");
    expect(xml.parse(answer(0, stdout.replace("ex7", "ex\u00017")))).toBe("unreadable");
    expect(xml.parse(answer(0, stdout.replace("</Data>", "")))).toBe("unreadable");
  });

  it("known jobs of a call with unknown ones too", () => {
    expect(jobs(text.parse(capture("torque/qstat-f-mixed"))).map(({ id }) => id)).toEqual(["0.pbs-server"]);
    expect(readXml("qstat-x-unknown")).toEqual([]);
    expect(xml.parse(answer(0))).toEqual([]);
  });

  it("a qstat without XML is never asked for it again", () => {
    expect(xml.parse(capture("torque/qstat-json"))).toBe("unsupported");
  });

  it("a state that nobody told us of is no end", () => {
    const out = answer(0, "Job Id: 1.s\n    Job_Name = a\n    job_state = Z\n    exit_status = 0\n");
    expect(text.parse(out)).toEqual([
      { id: "1.s", name: "a", state: "unknown", rawState: "Z", hosts: [], exitStatus: 0 },
    ]);
  });

  const ended = (...lines: readonly string[]): JobStatus["end"] => {
    const attributes = ["Job_Name = a", "job_state = C", ...lines].map((line) => `    ${line}\n`).join("");
    return jobs(text.parse(answer(0, `Job Id: 1.s\n${attributes}`)))[0]?.end;
  };
  it.each([
    [
      "an old server's walltime",
      [
        "exec_host = n/0",
        "exit_status = 271",
        "resources_used.walltime = 01:00:05",
        "Resource_List.walltime = 01:00:00",
      ],
      "walltime",
    ],
    [
      "deleted in time",
      [
        "exec_host = n/0",
        "exit_status = 271",
        "resources_used.walltime = 00:59:59",
        "Resource_List.walltime = 01:00:00",
      ],
      "deleted-running",
    ],
    ["killed by somebody", ["exec_host = n/0", "exit_status = 265"], "killed"],
    ["no mom to start it", ["exec_host = n/0", "exit_status = -3"], "start-failed"],
    ["a mom that was started again", ["exec_host = n/0", "exit_status = -4"], "node-lost"],
    ["a host that never told", ["exec_host = n/0"], "node-lost"],
    ["a reason of a later version", ["exec_host = n/0", "exit_status = -99"], undefined],
    ["a dependency that failed, or a qdel: nobody can tell", ["depend = afterok:0.s", "Hold_Types = s"], undefined],
  ] as const)("%s", (_, lines, end) => {
    expect(ended(...lines)).toBe(end);
  });

  it.each([
    ["server down", capture("torque/server-down-qstat")],
    ["a queue that is not there", capture("torque/qstat-badid")],
  ])("%s is no answer", (_, out) => {
    for (const format of torque.statusFormats) {
      expect(errorOf(() => format.parse(out))).toMatchObject({ code: "QSTAT_FAILED", retryable: true });
    }
  });

  it("another text is no answer", () => {
    const out = answer(0, "Welcome to the grid!\n");
    expect(xml.parse(out)).toBe("unreadable");
    expect(errorOf(() => text.parse(out))).toMatchObject({ code: "QSTAT_FAILED", retryable: true });
  });
});

describe("the site", () => {
  it("its default queue", () => {
    const out = answer(0, "Server: s\n    total_jobs = 3\n    default_queue = batch\n\n");
    expect(torque.defaultQueue?.parse(out)).toBe("batch");
  });

  it("every limit of a queue that a job could exceed", () => {
    const lines = [
      "resources_max.mem = 16gb",
      "resources_min.ncpus = 2",
      "resources_max.walltime = 100:00:00",
      "resources_max.vmem = 1gb",
      "max_running = 4",
      "started = False",
    ];
    const out = answer(0, `Queue: q\n${lines.map((line) => `    ${line}\n`).join("")}\n`);
    expect(torque.parseLimits(out)).toEqual([
      {
        queue: "q",
        isDefault: false,
        accepts: true,
        starts: false,
        limits: [
          { name: "resources_max.mem", resource: "memoryBytes", bound: "most", value: 16 * 2 ** 30 },
          { name: "resources_min.ncpus", resource: "cpus", bound: "least", value: 2 },
          { name: "resources_max.walltime", resource: "walltimeSeconds", bound: "most", value: 360_000 },
        ],
      },
    ]);
  });

  it("its hosts: what is taken, what is wrong", () => {
    const node = (state: string) =>
      `<Node><name>n</name><state>${state}</state><np>8</np><jobs>0-2/1.s,7/2.s</jobs><note>disk</note></Node>`;
    const states = ["down,offline", "offline", "job-exclusive,busy", "free", "wild"].map(
      (state) => torque.parseNodes(answer(0, `<Data>${node(state)}</Data>`))[0],
    );
    expect(states.map((status) => status?.state)).toEqual(["down", "offline", "busy", "free", "unknown"]);
    expect(states[0]).toMatchObject({ slots: 8, freeSlots: 4, note: "disk", rawState: "down,offline" });
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
    const permitted = capture(name).code !== 159;
    expect(errorOf(() => torque.parseCancel(capture(name)))).toMatchObject({
      code: "QDEL_FAILED",
      retryable: permitted,
    });
  });
});
