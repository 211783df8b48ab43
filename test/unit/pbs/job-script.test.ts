import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import type { JobSpec } from "../../../pbs/batch-system.ts";
import { DIALECTS } from "../../../pbs/index.ts";
import { renderJobScript } from "../../../pbs/job-script.ts";
import { waitFor } from "../../support/wait-for.ts";

const dir = mkdtempSync(join(tmpdir(), "gridharvest-job-script-"));
afterAll(() => rmSync(dir, { recursive: true }));

const SPEC: JobSpec = {
  name: "gh7k2d-data-1",
  queue: "long",
  cpus: 2,
  memoryBytes: 3 * 2 ** 30,
  walltimeSeconds: 43_200,
  outputFile: "/campaign/jobs/gh7k2d-data-1/stdout",
  errorFile: "/campaign/jobs/gh7k2d-data-1/stderr",
  scriptFile: "/campaign/jobs/gh7k2d-data-1/job.pbs",
  extraDirectives: ["-l feature=fast"],
};

describe("the script of a node's job", () => {
  it("is the golden file, whole", () => {
    const text = renderJobScript({
      spec: SPEC,
      dialect: DIALECTS.torque,
      node: "/opt/node 24/bin/node",
      agentBundle: "/opt/gridharvest/dist/agent.mjs",
      jobDir: "/campaign/jobs/gh7k2d-data-1",
    });
    expect(text).toBe(readFileSync(new URL("../../fixtures/pbs/node.pbs", import.meta.url), "utf8"));
  });

  it("refuses a directive that would begin another line", () => {
    const spec = { ...SPEC, extraDirectives: ["-l a=1\nrm -rf /"] };
    expect(() =>
      renderJobScript({ spec, dialect: DIALECTS.torque, node: "n", agentBundle: "a", jobDir: "/j" }),
    ).toThrow(/directive/);
  });

  /** A job whose agent is a shell script, in a folder that needs quoting. */
  function job(name: string, agent: string): string {
    const jobDir = join(dir, `${name} $(id) 'x'`);
    mkdirSync(jobDir);
    const bundle = join(jobDir, "agent.sh");
    writeFileSync(bundle, agent);
    const script = join(jobDir, "job.pbs");
    writeFileSync(
      script,
      renderJobScript({ spec: SPEC, dialect: DIALECTS.local, node: "/bin/bash", agentBundle: bundle, jobDir }),
    );
    chmodSync(script, 0o755);
    return jobDir;
  }

  const exitStatus = (jobDir: string): string => readFileSync(join(jobDir, "exit-status"), "utf8");

  it("runs the agent with its node file in the job's folder, and writes its exit status down", () => {
    const jobDir = job("plain", 'echo "$PWD|$1|$GRIDHARVEST_JOB_ID"; exit 7\n');
    const env = { PATH: process.env["PATH"], PBS_JOBID: "12.server", SLURM_JOB_ID: "13" };
    const run = spawnSync(join(jobDir, "job.pbs"), { env, encoding: "utf8" });
    expect(run.stderr).toBe("");
    expect(run.stdout).toBe(`${jobDir}|${join(jobDir, "node.json")}|12.server\n`);
    expect(run.status).toBe(7);
    expect(exitStatus(jobDir)).toBe("7\n");
    expect(existsSync(join(jobDir, "exit-status.tmp"))).toBe(false);
  });

  it("knows Slurm's name of the job's id", () => {
    const jobDir = job("slurm", 'echo "$GRIDHARVEST_JOB_ID"\n');
    const env = { PATH: process.env["PATH"], SLURM_JOB_ID: "13" };
    expect(spawnSync(join(jobDir, "job.pbs"), { env, encoding: "utf8" }).stdout).toBe("13\n");
  });

  it.each([
    [
      "that ends at it with a status of its own",
      "trap 'exit 42' TERM; touch ready; while :; do sleep 0.05; done\n",
      42,
    ],
    [
      "that finishes its work first",
      "trap 'n=1' TERM; touch ready; until [ -n \"$n\" ]; do sleep 0.05; done; sleep 0.5; exit 5\n",
      5,
    ],
    ["that dies of it", "touch ready; exec sleep 100\n", 143],
  ])("passes TERM on to an agent %s", async (name, agent, status) => {
    const jobDir = job(name.slice(0, 12), agent);
    const child = spawn(join(jobDir, "job.pbs"), {
      env: { PATH: process.env["PATH"], PBS_JOBID: "1.s" },
      stdio: "ignore",
    });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await waitFor("the agent", () => existsSync(join(jobDir, "ready")));
    child.kill("SIGTERM");
    expect(await exited).toBe(status);
    expect(exitStatus(jobDir)).toBe(`${String(status)}\n`);
  });

  it("does not lose the status to a second TERM", async () => {
    const agent =
      'trap \'n=$((n+1))\' TERM; touch ready; until [ "$n" = 2 ]; do sleep 0.05; [ "$n" = 1 ] && touch once; done; exit 9\n';
    const jobDir = job("twice", agent);
    const child = spawn(join(jobDir, "job.pbs"), {
      env: { PATH: process.env["PATH"], PBS_JOBID: "1.s" },
      stdio: "ignore",
    });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await waitFor("the agent", () => existsSync(join(jobDir, "ready")));
    child.kill("SIGTERM");
    await waitFor("the first signal", () => existsSync(join(jobDir, "once")));
    child.kill("SIGTERM");
    expect(await exited).toBe(9);
    expect(exitStatus(jobDir)).toBe("9\n");
  });
});
