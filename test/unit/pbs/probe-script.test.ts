import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { parseReport, type ProbeReport } from "../../../orchestrator/doctor/probe-report.ts";
import { listenOn } from "../../../orchestrator/gateway/ports.ts";
import { findProgram } from "../../../orchestrator/runtimes/run-tool.ts";
import type { JobSpec } from "../../../pbs/batch-system.ts";
import { DIALECTS } from "../../../pbs/index.ts";
import { renderProbeScript } from "../../../pbs/probe-script.ts";

const root = mkdtempSync(join(tmpdir(), "gridharvest-probe-script-"));
afterAll(() => rmSync(root, { recursive: true }));
let runs = 0;

const SPEC: JobSpec = {
  name: "doctor-0a1b2c3d",
  queue: "long",
  cpus: 1,
  memoryBytes: 2 ** 26,
  walltimeSeconds: 120,
  outputFile: "/o",
  errorFile: "/e",
  scriptFile: "/s",
  extraDirectives: ["-l cluster=create"],
};

/** Runs a probe here, as a host would. @returns what it says; undefined when it left no report */
function run(options: {
  readonly name?: string;
  readonly scratch?: (dir: string) => string;
  readonly gateway?: { readonly host: string; readonly port: number };
  readonly path?: string;
  readonly prefix?: readonly string[];
}): { readonly report: ProbeReport | undefined; readonly dir: string; readonly errors: string } {
  const dir = join(root, String(++runs), options.name ?? "job");
  mkdirSync(dir, { recursive: true });
  const scratchDir = options.scratch?.(dir) ?? join(dir, "scratch", "new");
  const script = renderProbeScript({
    spec: SPEC,
    dialect: DIALECTS.slurm,
    jobDir: dir,
    scratchDir,
    gateway: options.gateway,
  });
  writeFileSync(join(dir, "job.pbs"), script);
  chmodSync(join(dir, "job.pbs"), 0o755);
  const [program = "", ...args] = [...(options.prefix ?? []), "/bin/sh", join(dir, "job.pbs")];
  const { stderr, stdout } = spawnSync(program, args, {
    env: { PATH: options.path ?? process.env["PATH"] },
    cwd: root,
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  const file = join(dir, "report");
  return { report: existsSync(file) ? parseReport(readFileSync(file, "utf8")) : undefined, dir, errors: stderr };
}

describe("the script that looks at a host", () => {
  it("asks for what the site wants of jobs", () => {
    const script = renderProbeScript({
      spec: SPEC,
      dialect: DIALECTS.torque,
      jobDir: "/j",
      scratchDir: "/s",
      gateway: undefined,
    });
    expect(script.split("\n\n")[0]).toBe(["#!/bin/sh", ...DIALECTS.torque.directives(SPEC)].join("\n"));
    expect(script).toContain("#PBS -q long\n");
    expect(script).toContain("#PBS -l cluster=create\n");
  });

  it("tells of limits, scratch and clock, and leaves its report alone", () => {
    const before = Math.floor(Date.now() / 1000);
    const { report, dir, errors } = run({});
    expect(errors).toBe("");
    expect(report).toMatchObject({ host: hostname(), scratch: { went: "ok" } });
    expect(report?.gateway).toBeUndefined();
    expect(report?.clock).toBeGreaterThanOrEqual(before);
    expect(report?.clock).toBeLessThanOrEqual(Date.now() / 1000);
    expect(report?.maxMapCount).toBe(Number(readFileSync("/proc/sys/vm/max_map_count", "utf8")));
    expect(readdirSync(dir).sort()).toEqual(["job.pbs", "report"]);
  });

  it("tells of the limits of what starts it", () => {
    const { report } = run({ prefix: ["prlimit", "--nofile=500:1000"] });
    expect(report?.limits).toBe("Max open files 500 1000 files");
  });

  it("tries the scratch directory that is there, and leaves nothing in it", () => {
    const scratch = (dir: string): string => {
      mkdirSync(join(dir, "scratch"));
      return join(dir, "scratch");
    };
    const { report, dir } = run({ scratch });
    expect(report?.scratch).toEqual({ went: "ok" });
    expect(readdirSync(join(dir, "scratch"))).toEqual([]);
  });

  it.each([
    ["a place that takes nothing", () => "/proc/scratch"],
    [
      "a file in its way",
      (dir: string) => {
        writeFileSync(join(dir, "file"), "");
        return join(dir, "file");
      },
    ],
  ])("says why nothing can be written to %s", (_what, scratch) => {
    const { report, errors } = run({ scratch });
    expect(report?.scratch).toMatchObject({ went: "failed", why: expect.stringMatching(/mkdir.*: \S/) as string });
    expect(errors).toBe("");
  });

  it("gets through to whoever listens, and says so when nobody does", async () => {
    const listener = await listenOn("127.0.0.1");
    const gateway = { host: "127.0.0.1", port: listener.port };
    expect(run({ gateway }).report?.gateway).toEqual({ went: "ok" });
    await listener.close();
    expect(run({ gateway }).report?.gateway).toMatchObject({
      went: "failed",
      why: "bash: connect: Connection refused",
    });
  });

  it("says that it could not try where there is no bash", () => {
    const bin = join(root, "bin");
    mkdirSync(bin);
    for (const name of ["cat", "date", "grep", "mkdir", "mv", "rm", "timeout", "tr", "uname"])
      symlinkSync(findProgram(name) ?? "", join(bin, name));
    const { report } = run({ gateway: { host: "127.0.0.1", port: 1 }, path: bin });
    expect(report).toMatchObject({ scratch: { went: "ok" }, gateway: { went: "untried" } });
  });

  it.each([
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "a b",
    "a\nb",
    "-rf",
    "*",
    "~root",
    "${HOME}",
    "é\u2028",
  ])("takes %j for a name and nothing else", (name) => {
    const { report, errors, dir } = run({ name, scratch: (own) => join(own, name) });
    expect(errors).toBe("");
    expect(report).toMatchObject({ scratch: { went: "ok" } });
    expect(readdirSync(dir).sort()).toEqual(["job.pbs", "report"]);
    expect(existsSync(join(root, "pwned"))).toBe(false);
  });

  it("refuses a directive that would begin another line", () => {
    const spec = { ...SPEC, extraDirectives: ["-l a=1\nrm -rf /"] };
    const options = { dialect: DIALECTS.torque, jobDir: "/j", scratchDir: "/s", gateway: undefined };
    expect(() => renderProbeScript({ spec, ...options })).toThrow(/directive/);
  });
});
