import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { runProbe, type Patience, type ProbeJob } from "../../orchestrator/doctor/probe-job.ts";
import { localFiles } from "../../pbs/access/local-files.ts";
import { localCommandRunner } from "../../pbs/command.ts";
import { createBatchSystem } from "../../pbs/index.ts";
import { HANGS, scriptedServer, type Answer } from "../support/scripted-server.ts";
import { waitFor } from "../support/wait-for.ts";

const root = mkdtempSync(join(tmpdir(), "gridharvest-doctor-probe-"));
afterAll(() => rmSync(root, { recursive: true }));
let servers = 0;

const never = new AbortController().signal;
const PATIENT: Patience = { queueSeconds: 1000, runSeconds: 1000, fileSeconds: 1000 };

/** A probe on a Torque of captures: `8.pbs-server` (multil) runs in them, `18.pbs-server` waits. */
async function probe(script: Readonly<Record<string, readonly Answer[]>>, patience: Partial<Patience> = {}) {
  const dir = join(root, String(++servers));
  const server = scriptedServer(dir);
  for (const [program, answers] of Object.entries(script)) server.script(program, ...answers);
  const runner = localCommandRunner([server.binDir]);
  const system = await createBatchSystem({ system: "torque", runner, commandTimeoutSeconds: 2 });
  const jobDir = join(dir, "job");
  const job: ProbeJob = {
    system,
    files: localFiles(),
    dir: jobDir,
    spec: {
      name: "multil",
      cpus: 1,
      memoryBytes: 2 ** 26,
      walltimeSeconds: 120,
      outputFile: join(jobDir, "job.out"),
      errorFile: join(jobDir, "job.err"),
      scriptFile: join(jobDir, "job.pbs"),
      extraDirectives: [],
    },
    script: "#!/bin/sh\n",
    patience: { ...PATIENT, ...patience },
  };
  const deleted = (): readonly string[] => server.calls("qdel").map(([, id = ""]) => id);
  const looks = (): number => server.calls("qstat").length;
  return { job, jobDir, deleted, looks };
}

describe("the job that looks at a host", () => {
  it("is read when its report is there, and leaves nothing", async () => {
    const { job, jobDir, deleted } = await probe({
      qsub: ["torque/qsub-multi-l"],
      qstat: ["torque/qstat-fx", "torque/qstat-fx-all"],
    });
    const running = runProbe(job, never);
    // As the host would.
    await waitFor("its script", () => existsSync(job.spec.scriptFile));
    writeFileSync(join(jobDir, "report"), "host node1\n");
    expect(await running).toMatchObject({ kind: "report", text: "host node1\n" });
    expect(deleted()).toEqual([]);
    expect(existsSync(jobDir)).toBe(false);
  });

  it("is deleted when it waits for too long", async () => {
    const { job, jobDir, deleted } = await probe(
      { qsub: ["torque/qsub-a"], qstat: ["torque/qstat-fx"], qdel: ["torque/qdel-queued"] },
      { queueSeconds: 0 },
    );
    expect(await runProbe(job, never)).toMatchObject({ kind: "waits" });
    expect(deleted()).toEqual(["18.pbs-server"]);
    expect(existsSync(jobDir)).toBe(false);
  });

  it("is deleted when it is stopped meanwhile", async () => {
    const stop = new AbortController();
    const { job, jobDir, deleted, looks } = await probe({
      qsub: ["torque/qsub-a"],
      qstat: ["torque/qstat-fx"],
      qdel: ["torque/qdel-queued"],
    });
    const running = runProbe(job, stop.signal);
    await waitFor("it to be looked at", () => looks() > 0);
    stop.abort();
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(deleted()).toEqual(["18.pbs-server"]);
    expect(existsSync(jobDir)).toBe(false);
  });

  it("is found by its name, and deleted, when qsub did not answer", async () => {
    const { job, jobDir, deleted } = await probe({
      qsub: [HANGS],
      qstat: ["torque/qstat-fx"],
      qdel: ["torque/qdel-running"],
    });
    await expect(runProbe(job, never)).rejects.toMatchObject({ code: "QSUB_UNANSWERED" });
    expect(deleted()).toEqual(["8.pbs-server"]);
    expect(existsSync(jobDir)).toBe(false);
  });

  it("that is refused leaves nothing to delete", async () => {
    const { job, jobDir, deleted } = await probe({ qsub: ["torque/qsub-bad-queue"] });
    await expect(runProbe(job, never)).rejects.toMatchObject({ code: "QSUB_REFUSED" });
    expect(deleted()).toEqual([]);
    expect(existsSync(jobDir)).toBe(false);
  });

  it("that ended without a word is told by what the batch system says of it", async () => {
    const { job, jobDir, deleted } = await probe(
      { qsub: ["torque/qsub-multi-l"], qstat: ["torque/qstat-fx-all"] },
      { fileSeconds: 0 },
    );
    const outcome = { kind: "silent", hosts: ["node1"], words: "completed, exit status 0" };
    expect(await runProbe(job, never)).toMatchObject(outcome);
    expect(deleted()).toEqual([]);
    expect(existsSync(jobDir)).toBe(false);
  });

  it("that runs on and on is deleted", async () => {
    const { job, deleted } = await probe(
      { qsub: ["torque/qsub-multi-l"], qstat: ["torque/qstat-fx"], qdel: ["torque/qdel-running"] },
      { runSeconds: 0 },
    );
    expect(await runProbe(job, never)).toMatchObject({ kind: "silent", hosts: ["node1"] });
    expect(deleted()).toEqual(["8.pbs-server"]);
  });
});
