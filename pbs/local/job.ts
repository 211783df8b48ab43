import { readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { ProcessIdentity } from "../../worker/contract/process.ts";
import { jobSpool, localPaths, replaceFile } from "./settings.ts";

/** Slots of one execution host. */
export interface Placement {
  readonly node: string;
  readonly slots: readonly number[];
}

/** What a job asked for. */
export interface JobResources {
  readonly nodes: number;
  readonly ppn: number;
  /** The host that it must run on. */
  readonly host?: string;
  readonly memoryBytes?: number;
  readonly walltimeSeconds: number;
}

/** A job of the local batch system, as its file holds it. Times are epoch milliseconds. */
export interface LocalJob {
  readonly sequence: number;
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly group: string;
  readonly queue: string;
  readonly submitHost: string;
  readonly submitArgs: string;
  readonly submitDir: string;
  /** Working directory that `-d` asked for; the home directory else. */
  readonly initDir?: string;
  readonly resources: JobResources;
  readonly outputPath: string;
  readonly errorPath: string;
  readonly join: "n" | "oe" | "eo";
  readonly shell?: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Secret word in the environment of the job's processes, by which they are found. */
  readonly cookie: string;
  /** Limit of file locks that the job's processes run with: another way to find them. */
  readonly mark?: number;
  readonly queuedAt: number;
  readonly changedAt: number;
  /** `E`: the script is over, its last processes are being ended. */
  readonly state: "Q" | "R" | "E" | "C";
  /** The process that waits for the job's turn, runs it and ends it. */
  readonly mom: ProcessIdentity;
  readonly momRestarts: number;
  readonly placements?: readonly Placement[];
  readonly startedAt?: number;
  /** First process of the job, leader of its session. */
  readonly leader?: ProcessIdentity;
  /** Set by qdel: the mom ends the job. */
  readonly cancelledAt?: number;
  readonly completedAt?: number;
  /** Absent when the job never ran. */
  readonly exitStatus?: number;
  readonly used?: JobUsage;
  readonly hint?: string;
}

export interface JobUsage {
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
}

/** What a mom writes beside the job at each look, for `qstat` and for whoever has to clean up after it. */
export interface JobProgress extends JobUsage {
  readonly processes: readonly ProcessIdentity[];
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function sequencesIn(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^\d+\.json$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b);
}

const fileOf = (folder: string, sequence: number): string => join(folder, `${String(sequence)}.json`);

/** The job while it is not finished. */
export function readActiveJob(dir: string, sequence: number): LocalJob | undefined {
  return readJson(fileOf(localPaths(dir).active, sequence));
}

/** All jobs that are not finished, in the order of their submission. */
export function readActiveJobs(dir: string): readonly LocalJob[] {
  return sequencesIn(localPaths(dir).active).flatMap((sequence) => readActiveJob(dir, sequence) ?? []);
}

/**
 * All jobs, finished ones too. Needs no lock: a job that ends is written to the finished
 * ones before it leaves the others, which are therefore read first.
 */
export function readAllJobs(dir: string): readonly LocalJob[] {
  const { active, completed } = localPaths(dir);
  const jobs = new Map<number, LocalJob>();
  for (const folder of [active, completed]) {
    for (const sequence of sequencesIn(folder)) {
      const job = readJson<LocalJob>(fileOf(folder, sequence));
      if (job) jobs.set(sequence, job);
    }
  }
  return [...jobs.values()].sort((a, b) => a.sequence - b.sequence);
}

/** One job, finished or not. */
export function readJob(dir: string, sequence: number): LocalJob | undefined {
  return readActiveJob(dir, sequence) ?? readJson(fileOf(localPaths(dir).completed, sequence));
}

/** Under the lock. */
export function writeActiveJob(dir: string, job: LocalJob): void {
  replaceFile(fileOf(localPaths(dir).active, job.sequence), JSON.stringify(job), 0o600);
}

/** Under the lock: the job is over. */
export function completeJob(dir: string, job: LocalJob, end: Partial<LocalJob> = {}): void {
  const { active, completed } = localPaths(dir);
  const now = Date.now();
  const done: LocalJob = { ...job, ...end, state: "C", completedAt: now, changedAt: now };
  replaceFile(fileOf(completed, job.sequence), JSON.stringify(done), 0o600);
  unlinkSync(fileOf(active, job.sequence));
}

/** Under the lock: the next job's number. */
export function takeSequence(dir: string): number {
  const file = localPaths(dir).sequence;
  const next = readJson<number>(file) ?? 1;
  const temporary = `${file}.tmp`;
  writeFileSync(temporary, `${String(next + 1)}\n`);
  renameSync(temporary, file);
  return next;
}

/** Under the lock: forgets what finished too long ago. */
export function purgeCompleted(dir: string, keepSeconds: number): void {
  const { completed } = localPaths(dir);
  for (const sequence of sequencesIn(completed)) {
    const file = fileOf(completed, sequence);
    const job = readJson<LocalJob>(file);
    if (!job || (job.completedAt ?? 0) + keepSeconds * 1000 > Date.now()) continue;
    rmSync(jobSpool(dir, sequence).dir, { recursive: true, force: true });
    unlinkSync(file);
  }
}

export function readProgress(dir: string, sequence: number): JobProgress | undefined {
  return readJson(jobSpool(dir, sequence).progress);
}

export function writeProgress(dir: string, sequence: number, progress: JobProgress): void {
  replaceFile(jobSpool(dir, sequence).progress, JSON.stringify(progress), 0o600);
}
