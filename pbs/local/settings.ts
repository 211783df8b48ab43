import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a local batch system is made of. Kept in `settings.json` of its directory. */
export interface LocalSettings {
  /** Execution hosts: loopback addresses. */
  readonly nodes: readonly string[];
  /** Slots (`np`) of each. */
  readonly slotsPerNode: number;
  /** Least time that a job stays queued. */
  readonly queueDelaySeconds: number;
  /** Between TERM and KILL of a job that is deleted or over its limits. Real Torque: 1 to 2 s. */
  readonly killGraceSeconds: number;
  /** How long `qstat` still lists a finished job. */
  readonly keepCompletedSeconds: number;
  /** How often a running job's processes are looked through. */
  readonly pollSeconds: number;
  /** The first one is the default. */
  readonly queues: readonly string[];
  /**
   * By execution host the words that begin the command of each of its jobs, e.g. `nsenter --net=… --` for a host that is a
   * network namespace. Absent: the job's command alone.
   */
  readonly enter?: Readonly<Record<string, readonly string[]>>;
}

export const DEFAULT_SETTINGS: Omit<LocalSettings, "nodes"> = {
  slotsPerNode: 4,
  queueDelaySeconds: 0,
  killGraceSeconds: 2,
  keepCompletedSeconds: 24 * 3600,
  pollSeconds: 1,
  queues: ["batch"],
};

/** The name behind the dot of every job id: `12.localhost`. */
export const SERVER_NAME = "localhost";

/** The variable through which the launchers in `bin` say where their batch system is. */
export const DIRECTORY_VARIABLE = "GRIDHARVEST_BATCH_DIR";

/** Where everything of a local batch system stands. */
export function localPaths(dir: string) {
  return {
    settings: join(dir, "settings.json"),
    lock: join(dir, "lock"),
    sequence: join(dir, "sequence"),
    bin: join(dir, "bin"),
    /** `<n>.json` of every job that is not finished. */
    active: join(dir, "active"),
    /** `<n>.json` of the finished ones. */
    completed: join(dir, "completed"),
    /** One folder per job: script, node file, progress. */
    spool: join(dir, "spool"),
  };
}

export function jobSpool(dir: string, sequence: number) {
  const spool = join(localPaths(dir).spool, String(sequence));
  return {
    dir: spool,
    script: join(spool, "script"),
    nodeFile: join(spool, "nodes"),
    progress: join(spool, "progress.json"),
    /** What the job's supervisor had to say; empty when all is well. */
    momLog: join(spool, "mom.log"),
    /** Where output goes when the wanted file cannot be opened. */
    output: join(spool, "output"),
    error: join(spool, "error"),
  };
}

/** Replaces a file in one step, so that a reader sees the old text or the new one. */
export function replaceFile(file: string, text: string, mode = 0o644): void {
  const temporary = `${file}.${String(process.pid)}.tmp`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, file);
}

export function writeSettings(dir: string, settings: LocalSettings): void {
  const paths = localPaths(dir);
  for (const folder of [paths.active, paths.completed, paths.spool, paths.bin]) mkdirSync(folder, { recursive: true });
  const text = JSON.stringify(settings, undefined, 2) + "\n";
  if (existsSync(paths.settings) && readFileSync(paths.settings, "utf8") === text) return;
  replaceFile(paths.settings, text);
}

/** @throws Error when there is no batch system in the directory */
export function readSettings(dir: string): LocalSettings {
  try {
    return JSON.parse(readFileSync(localPaths(dir).settings, "utf8")) as LocalSettings;
  } catch (cause) {
    throw new Error(`no local batch system in ${dir}`, { cause });
  }
}
