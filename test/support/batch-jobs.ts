import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { BatchSystem, JobSpec, JobStatus, PbsDialect } from "../../pbs/batch-system.ts";
import { createBatchSystem, DIALECTS } from "../../pbs/index.ts";
import type { LocalBatchOptions } from "../../pbs/local/install.ts";
import { waitFor } from "./wait-for.ts";

/** A batch system with what a test needs around it. */
export interface BatchBench {
  readonly system: BatchSystem;
  readonly dialect: PbsDialect;
  /** Where jobs of the test keep their files. */
  readonly dir: string;
  /** Directory with qsub and the others. */
  readonly binDir: string;
}

/** A bench on the embedded batch system, its programs run from source. */
export async function localBench(
  dir: string,
  settings: Partial<LocalBatchOptions> = {},
): Promise<BatchBench & { readonly batchDir: string }> {
  const batchDir = join(dir, "batch");
  mkdirSync(dir, { recursive: true });
  const system = await createBatchSystem({
    system: "local",
    batchDir,
    nodes: ["127.0.1.1", "127.0.1.2"],
    slotsPerNode: 2,
    queueDelaySeconds: 0,
    commandTimeoutSeconds: 60,
    node: process.execPath,
    entry: new URL("../../pbs/local/main.ts", import.meta.url).pathname,
    ...settings,
  });
  return { system, dialect: DIALECTS.local, dir, binDir: system.binDir, batchDir };
}

const never = new AbortController().signal;

/** Writes a job's script with its directives. The script runs in `bench.dir`. */
export function writeJob(bench: BatchBench, name: string, body: string, wants: Partial<JobSpec> = {}): JobSpec {
  const spec: JobSpec = {
    name,
    cpus: 1,
    memoryBytes: 512 * 2 ** 20,
    walltimeSeconds: 120,
    outputFile: join(bench.dir, `${name}.out`),
    errorFile: join(bench.dir, `${name}.err`),
    scriptFile: join(bench.dir, `${name}.pbs`),
    extraDirectives: [],
    ...wants,
  };
  const directives = bench.dialect.directives(spec).map((line) => `${line}\n`);
  writeFileSync(spec.scriptFile, `#!/bin/bash\n${directives.join("")}cd '${bench.dir}' || exit 97\n${body}\n`);
  return spec;
}

export function submitJob(bench: BatchBench, name: string, body: string, wants?: Partial<JobSpec>): Promise<string> {
  return bench.system.submit(writeJob(bench, name, body, wants), never);
}

export async function jobStatus(bench: BatchBench, id: string): Promise<JobStatus | undefined> {
  return (await bench.system.status([id], never)).get(id);
}

/** Waits until the job is in the state. */
export function untilState(bench: BatchBench, id: string, state: JobStatus["state"]): Promise<JobStatus> {
  return waitFor(
    `job ${id} to be ${state}`,
    async () => {
      const status = await jobStatus(bench, id);
      return status?.state === state ? status : undefined;
    },
    { timeoutMs: 45_000, everyMs: 100 },
  );
}

/** Waits until a job has made the file in its directory. */
export function untilFile(bench: BatchBench, name: string): Promise<true> {
  return waitFor(`file ${name}`, () => existsSync(join(bench.dir, name)), { timeoutMs: 45_000 });
}

/** Shell text: goes on when the test makes the file. */
export function untilReleased(name: string): string {
  return `until [ -e ${name} ]; do sleep 0.05; done`;
}

export function release(bench: BatchBench, name: string): void {
  writeFileSync(join(bench.dir, name), "");
}
