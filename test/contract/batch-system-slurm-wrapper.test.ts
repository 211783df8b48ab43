import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import type { JobSpec } from "../../pbs/batch-system.ts";
import { recognise } from "../../pbs/detect.ts";
import { slurm } from "../../pbs/dialects/slurm.ts";
import { isMissingGroundFatal } from "../support/ground-rule.ts";

const dir = mkdtempSync(join(tmpdir(), "gridharvest-wrapper-"));
afterAll(() => rmSync(dir, { recursive: true }));
const recorder = join(dir, "sbatch");
writeFileSync(recorder, `#!/bin/sh\nprintf '%s\\0' "$@"\n`);
chmodSync(recorder, 0o755);
/** The wrapper needs no cluster to say which sbatch it would run, but a configuration. */
const conf = join(dir, "slurm.conf");
writeFileSync(conf, "ClusterName=none\nSlurmctldHost=localhost\nNodeName=n1\nPartitionName=p Nodes=n1\n");
const options = { encoding: "utf8", env: { ...process.env, SLURM_CONF: conf } } as const;

const version = spawnSync("qstat", ["--version"], options);
const isThere =
  version.error === undefined &&
  recognise({ argv: ["qstat"], code: version.status ?? -1, stdout: version.stdout, stderr: version.stderr }) ===
    "slurm";
if (!isThere) console.warn("skipped: Slurm's qsub wrapper; the Debian package slurm-wlm-torque is missing");

describe.skipIf(!isThere && !isMissingGroundFatal())("Slurm's qsub wrapper", () => {
  it.each([
    "plain",
    "with blank",
    "it's",
    '"quoted"',
    "$(touch pwned)",
    "`touch pwned`",
    "a;b&c|d>e",
    "100% %j",
    "*?[a]",
    "~ ${HOME} $HOME",
    "--wrap=id",
    "@ARGV %ENV $0",
    "š\u00e9",
  ])("hands the path %j to sbatch as it is", (name) => {
    const spec: JobSpec = {
      name: "gh-abcde-d1",
      cpus: 1,
      memoryBytes: 2 ** 20,
      walltimeSeconds: 60,
      outputFile: `/c/${name}/out`,
      errorFile: `/c/${name}/err`,
      scriptFile: `/c/${name}/job.pbs`,
      extraDirectives: [],
    };
    const [qsub, ...words] = slurm.submitArgv(spec);
    const printed = spawnSync(qsub, ["--sbatchline", ...words], options);
    expect(printed.stderr).toBe("");
    expect(printed.stdout).toMatch(/^\S*sbatch /);
    // What it would do with that line itself.
    const run = spawnSync("sh", ["-c", printed.stdout.replace(/^\S+/, recorder).trimEnd()], {
      cwd: dir,
      encoding: "utf8",
    });
    const path = (file: string): string => `/c/${name.replaceAll("%", "%%")}/${file}`;
    expect(run.stdout).toBe(["-e", path("err"), "-o", path("out"), spec.scriptFile, ""].join("\0"));
  });
});
