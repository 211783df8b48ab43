import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { identifyProcess } from "../../worker/contract/process.ts";
import { jobEnvironment, nodeFileText, scriptCommand } from "./job-environment.ts";
import {
  completeJob,
  readActiveJob,
  readActiveJobs,
  writeActiveJob,
  writeProgress,
  type JobUsage,
  type LocalJob,
} from "./job.ts";
import { withLock } from "./lock.ts";
import { JobProcesses, newMark } from "./process-table.ts";
import { reapAbandoned } from "./reap.ts";
import { startable } from "./schedule.ts";
import { jobSpool, localPaths, readSettings } from "./settings.ts";

/** Between two looks at whether the directory of jobs changed. */
const GLANCE_MS = 100;
/** Between two looks at other moms while this one waits. */
const WATCH_MS = 2_000;
/** Processes that survive KILL (they hang in the kernel) are left after this long. */
const KILL_PATIENCE_MS = 60_000;

/** Why a mom ends its job. @source Torque's pbs_job.h: JOB_EXEC_OVERLIMIT_MEM, _WT; 256 + SIGTERM for qdel */
const EXIT_STATUS = { memory: -10, walltime: -11, cancelled: 256 + constants.signals.SIGTERM, failed: -1 } as const;

type Ending = Exclude<keyof typeof EXIT_STATUS, "failed">;

/**
 * Sees one job through: waits for its turn, runs its script as a session of its own, holds it
 * to its limits, ends every process of it and writes down how it ended.
 *
 * Q → R → (E →) C. The mom is the only one that writes the job while it lives; qdel leaves its
 * wish in the job's file. A job that is deleted while queued is finished by qdel itself,
 * and its mom finds it gone.
 */
export async function runMom(dir: string, sequence: number): Promise<void> {
  // A terminal's or a session's end is no reason to end a job.
  for (const signal of ["SIGHUP", "SIGINT", "SIGPIPE"] as const) process.on(signal, () => undefined);
  const terminated = { value: false };
  process.on("SIGTERM", () => (terminated.value = true));

  // qsub holds the lock until the job is written down: without a job it was killed before.
  const mine = withLock(dir, () => readActiveJob(dir, sequence));
  if (mine?.mom.pid !== process.pid) return;
  const job = await waitForTurn(dir, sequence, terminated);
  if (job) await runJob(dir, job, terminated);
}

/** True once after each change of the directory of jobs. */
function createGlance(dir: string): () => boolean {
  const folder = localPaths(dir).active;
  let seen = NaN;
  return () => {
    const { mtimeMs } = statSync(folder);
    const changed = mtimeMs !== seen;
    seen = mtimeMs;
    return changed;
  };
}

async function waitForTurn(
  dir: string,
  sequence: number,
  terminated: { readonly value: boolean },
): Promise<LocalJob | undefined> {
  const changed = createGlance(dir);
  let watchAt = Date.now() + WATCH_MS;
  let dueAt = 0;
  for (;;) {
    const now = Date.now();
    if (changed() || now >= dueAt || terminated.value) {
      const jobs = readActiveJobs(dir);
      const job = jobs.find((other) => other.sequence === sequence);
      if (!job) return undefined;
      if (terminated.value) {
        withLock(dir, () => {
          const current = readActiveJob(dir, sequence);
          if (current) completeJob(dir, current);
        });
        return undefined;
      }
      const settings = readSettings(dir);
      const eligibleAt = job.queuedAt + settings.queueDelaySeconds * 1000;
      dueAt = eligibleAt > now ? eligibleAt : now + WATCH_MS;
      if (startable(jobs, settings, now).has(sequence)) {
        const started = start(dir, sequence);
        if (started) return started;
      }
    }
    if (now >= watchAt) {
      reapAbandoned(dir);
      watchAt = now + WATCH_MS;
    }
    await sleep(GLANCE_MS);
  }
}

/** Takes the slots, if they are still there. */
function start(dir: string, sequence: number): LocalJob | undefined {
  return withLock(dir, () => {
    const jobs = readActiveJobs(dir);
    const job = jobs.find((other) => other.sequence === sequence);
    const now = Date.now();
    const placements = startable(jobs, readSettings(dir), now).get(sequence);
    if (job?.state !== "Q" || !placements) return undefined;
    const started: LocalJob = { ...job, state: "R", mark: newMark(), placements, startedAt: now, changedAt: now };
    writeActiveJob(dir, started);
    return started;
  });
}

/** Changes the job's file unless somebody else finished the job. */
function update(dir: string, sequence: number, change: Partial<LocalJob>): void {
  withLock(dir, () => {
    const job = readActiveJob(dir, sequence);
    if (job) writeActiveJob(dir, { ...job, ...change, changedAt: Date.now() });
  });
}

async function runJob(dir: string, job: LocalJob, terminated: { readonly value: boolean }): Promise<void> {
  const processes = new JobProcesses(job);
  const child = launch(dir, job);
  const exit = whenExited(child.process);
  const leader = child.process.pid === undefined ? undefined : identifyProcess(child.process.pid);
  if (leader) processes.add(leader);
  attempt(() =>
    update(dir, job.sequence, { ...(leader && { leader }), ...(child.hint !== undefined && { hint: child.hint }) }),
  );

  const life: Life = { usage: { memoryBytes: 0, cpuSeconds: 0 } };
  try {
    await supervise(dir, job, { processes, child, exit, terminated, life });
    if (processes.look().length > 0) attempt(() => update(dir, job.sequence, { state: "E" }));
  } finally {
    // Also when this process can go on no more, say because its directory was removed.
    const giveUpAt = performance.now() + KILL_PATIENCE_MS;
    while (processes.signal("SIGKILL") > 0 && performance.now() < giveUpAt) await sleep(20);
    child.close();
  }
  // Without an ending of ours the script was over; with one its own status says nothing.
  const exitStatus = life.ending === undefined ? await exit : EXIT_STATUS[life.ending];
  await persist(() =>
    withLock(dir, () => {
      const current = readActiveJob(dir, job.sequence);
      if (current) completeJob(dir, current, { exitStatus, used: life.usage });
    }),
  );
}

/** What is known of a job's life so far. */
interface Life {
  /** Why the mom ends the job; absent when it ended by itself. */
  ending?: Ending;
  /** Most memory, all processor time. */
  usage: JobUsage;
}

/** Returns when the script is over, or, once the job is being ended, when all its processes are or its grace is. */
async function supervise(
  dir: string,
  job: LocalJob,
  parts: {
    readonly processes: JobProcesses;
    readonly child: Launched;
    readonly exit: Promise<number>;
    readonly terminated: { readonly value: boolean };
    readonly life: Life;
  },
): Promise<void> {
  const { processes, child, exit, terminated, life } = parts;
  const settings = readSettings(dir);
  const changed = createGlance(dir);
  // A clock that nobody sets: a corrected date must not end a job.
  const startedAt = performance.now();
  const walltimeAt = startedAt + job.resources.walltimeSeconds * 1000;
  let lookAt = 0;
  let killAt = Infinity;
  let over = false;
  void exit.then(() => (over = true));
  const end = (why: Ending): void => {
    life.ending = why;
    killAt = performance.now() + settings.killGraceSeconds * 1000;
    processes.signal("SIGTERM");
  };

  while (performance.now() < killAt) {
    const glance = sleep(GLANCE_MS);
    await (over ? glance : Promise.race([exit, glance]));
    if (over && life.ending === undefined) return;
    const now = performance.now();
    const look = now >= lookAt;
    if (look || over) {
      const members = processes.look();
      // A job that is being ended is over when its last process is, not with its script.
      if (over && members.length === 0) return;
      const { memoryBytes, cpuSeconds } = processes;
      life.usage = { memoryBytes: Math.max(life.usage.memoryBytes, memoryBytes), cpuSeconds };
      attempt(() => writeProgress(dir, job.sequence, { ...life.usage, processes: members }));
      lookAt = now + settings.pollSeconds * 1000;
      const limit = job.resources.memoryBytes;
      if (life.ending === undefined && limit !== undefined && memoryBytes > limit) {
        child.remark(`mem ${kib(memoryBytes)} exceeded limit ${kib(limit)}`);
        end("memory");
      }
    }
    if (life.ending === undefined && now >= walltimeAt) {
      const used = Math.round((now - startedAt) / 1000);
      child.remark(`walltime ${String(used)} exceeded limit ${String(job.resources.walltimeSeconds)}`);
      end("walltime");
    }
    // Two changes within one tick of the file system's clock look like one, so each look asks too.
    const asked = (changed() || look) && readActiveJob(dir, job.sequence)?.cancelledAt !== undefined;
    if (life.ending === undefined && (terminated.value || asked)) end("cancelled");
  }
}

interface Launched {
  readonly process: ChildProcess;
  readonly hint?: string;
  /** Leaves a line in the job's error file, worded as Torque's mom does. */
  remark(text: string): void;
  close(): void;
}

function launch(dir: string, job: LocalJob): Launched {
  const spool = jobSpool(dir, job.sequence);
  writeFileSync(spool.nodeFile, nodeFileText(job));
  const environment = jobEnvironment(dir, job);
  const wanted = job.initDir ?? environment["HOME"] ?? "/";
  const hints: string[] = [];
  const open = (file: string, instead: string): number => {
    try {
      return openSync(file, "w");
    } catch (error) {
      hints.push(`cannot write ${file} (${(error as NodeJS.ErrnoException).code ?? "?"}), see ${instead}`);
      return openSync(instead, "w");
    }
  };
  const output = job.join === "eo" ? undefined : open(job.outputPath, spool.output);
  const error = job.join === "oe" ? undefined : open(job.errorPath, spool.error);
  const stdout = output ?? error ?? "ignore";
  const stderr = error ?? output ?? "ignore";
  const [command, ...args] = scriptCommand(readFileSync(spool.script, "utf8"), spool.script, job.shell);
  const limits = job.mark === undefined ? [] : [`--locks=${String(job.mark)}:${String(job.mark)}`];
  const enter = readSettings(dir).enter?.[job.placements?.[0]?.node ?? ""] ?? [];
  const child = spawn(findProgram("prlimit"), [...limits, "--", ...enter, command, ...args], {
    cwd: existsSync(wanted) ? wanted : "/",
    env: environment,
    detached: true,
    stdio: ["ignore", stdout, stderr],
  });
  const remark = (text: string): void => {
    if (typeof stderr === "number") attempt(() => writeSync(stderr, `=>> PBS: job killed: ${text}\n`));
  };
  child.on("error", (cause) => {
    if (typeof stderr === "number") attempt(() => writeSync(stderr, `${command}: ${cause.message}\n`));
  });
  return {
    process: child,
    ...(hints.length > 0 && { hint: hints.join("; ") }),
    remark,
    close: () => [output, error].forEach((fd) => fd !== undefined && attempt(() => closeSync(fd))),
  };
}

/** The job's own PATH must not decide which of our helpers runs. */
function findProgram(name: string): string {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/bin"];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? name;
}

/** A signal's death is what the login shell between a real mom and the script makes of it: 128 + number. */
function whenExited(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(EXIT_STATUS.failed));
    child.once("exit", (code, signal) =>
      resolve(code ?? (signal ? 128 + constants.signals[signal] : EXIT_STATUS.failed)),
    );
  });
}

function kib(bytes: number): string {
  return `${String(Math.ceil(bytes / 1024))}kb`;
}

/** What only informs may fail, e.g. on a full disk, without costing the job. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
  }
}

/** What must be written is tried again: a full disk must not lose how a job ended. */
async function persist(action: () => void): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      action();
      return;
    } catch (error) {
      if (tries === 600) throw error;
      if (tries === 0) process.stderr.write(`${String(error)}\n`);
      await sleep(1_000);
    }
  }
}
