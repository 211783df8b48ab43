import type { Stanza } from "./stanza.ts";

/**
 * `exiting` is still running for us: its files are not final. `unknown` is a state that the
 * batch system named and that we do not know; it is never taken for an end.
 */
export type JobState = "queued" | "held" | "running" | "exiting" | "finished" | "unknown";

/**
 * How a job ended, as far as the batch system tells. Absent while it runs, and where nobody can tell: then the
 * exit-status file that the job writes itself is all there is.
 *
 * - `completed`: its script ran to its end; the exit status is the script's own
 * - `walltime`, `memory`, `cpu`: ended for being over that limit
 * - `killed`: by a signal, and nobody says whose
 * - `deleted-running`: somebody deleted it while it ran
 * - `deleted-queued`: it never ran
 * - `failed-dependency`: it never ran, since the job that it depends on did not end as it should
 * - `start-failed`: it had a host, and its script was never run
 * - `node-lost`: it ran, and its host never told how it ended
 */
export type JobEnd =
  | "completed"
  | "walltime"
  | "memory"
  | "cpu"
  | "killed"
  | "deleted-running"
  | "deleted-queued"
  | "failed-dependency"
  | "start-failed"
  | "node-lost";

export interface JobStatus {
  readonly id: string;
  readonly name: string;
  /** The user that submitted it, without a host. */
  readonly owner?: string;
  readonly queue?: string;
  readonly state: JobState;
  /** The letter as printed. */
  readonly rawState: string;
  /** Hosts that the job was given, without slots; empty before it runs. */
  readonly hosts: readonly string[];
  /** As the batch system tells it: 0..255, 256+signal, negative for its own reasons. Absent while unknown. */
  readonly exitStatus?: number;
  readonly end?: JobEnd;
  /** How often it was started again under its id; absent where the batch system does not count. */
  readonly restarts?: number;
  /** Epoch milliseconds. The server's clock, and where it prints local time its zone, are taken for ours. */
  readonly queuedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** What the batch system says about it in its own words, e.g. why it still waits. */
  readonly comment?: string;
}

/** What differs in how batch systems of the PBS family write a job down. */
export interface StatusVocabulary {
  readonly states: Readonly<Record<string, JobState>>;
  readonly exitStatus: string;
  readonly startedAt: string;
  readonly endedAt: string;
  /** Attribute that counts the starts, the first included. */
  readonly starts: string;
  /** Attributes that say something about the job, the most telling first. */
  readonly comments: readonly string[];
  /** How a finished job ended. */
  endOf(job: FinishedJob): JobEnd | undefined;
}

export interface FinishedJob {
  readonly exitStatus: number | undefined;
  /** Whether it was ever given a host. */
  readonly ran: boolean;
  readonly attributes: ReadonlyMap<string, string>;
}

/** A job's status from its attributes. Nothing is guessed: what is not printed is absent. */
export function readStatus({ id, attributes }: Stanza, words: StatusVocabulary): JobStatus {
  const text = (name: string): string | undefined => attributes.get(name);
  const rawState = text("job_state") ?? "";
  const state = words.states[rawState] ?? "unknown";
  const hosts = hostsOf(text("exec_host"));
  const exitStatus = numberOf(text(words.exitStatus));
  const starts = numberOf(text(words.starts));
  // The parent of an array stands for several jobs, which end each in its own way.
  const end =
    state === "finished" && !isArray(id) ? words.endOf({ exitStatus, ran: hosts.length > 0, attributes }) : undefined;
  return present({
    id,
    name: text("Job_Name") ?? "",
    owner: text("Job_Owner")?.split("@", 1)[0],
    queue: text("queue"),
    state,
    rawState,
    hosts,
    exitStatus,
    end,
    restarts: starts === undefined ? undefined : Math.max(0, starts - 1),
    queuedAt: timeOf(text("qtime")),
    startedAt: timeOf(text(words.startedAt)),
    endedAt: state === "finished" ? timeOf(text(words.endedAt)) : undefined,
    comment: words.comments.map(text).find((comment) => comment !== undefined),
  });
}

/** Leaves out what is undefined, so that an absent value is an absent key. */
export function present<T extends object>(
  values: T,
): { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> } & {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

/** `19[]` is an array, `19[1]` one of its jobs. */
function isArray(id: string): boolean {
  return id.includes("[]");
}

function numberOf(text: string | undefined): number | undefined {
  const value = text === undefined || text === "" ? Number.NaN : Number(text);
  return Number.isNaN(value) ? undefined : value;
}

/** Seconds since the epoch (Torque's XML) or `Mon Nov 23 17:30:45 2026` in local time. Epoch milliseconds. */
export function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/**
 * The hosts of an `exec_host`, each once: `node1/6-7` (Torque from 5 on), `n/0+n/1` (before), `node2/3*2` (OpenPBS),
 * `dn1/8+dn2/8` (Slurm).
 */
export function hostsOf(execHost: string | undefined): string[] {
  if (execHost === undefined || execHost === "") return [];
  return [...new Set(execHost.split("+").map((part) => part.replace(/\/[\d,*-]+$/, "")))];
}

/**
 * How a job of a PBS server ended, from its exit status: the script's own up to 255, 256 and the signal above, the
 * server's reasons below 0.
 * @param reasons what the negative ones mean
 * @source captures; Torque pbs_job.h, OpenPBS job.h (`JOB_EXEC_…`)
 */
export function endByExitStatus(
  { exitStatus, ran, attributes }: FinishedJob,
  reasons: Readonly<Record<number, JobEnd>>,
): JobEnd | undefined {
  if (exitStatus === undefined) return ran ? "node-lost" : "deleted-queued";
  if (exitStatus < 0) return reasons[exitStatus];
  if (exitStatus < 256) return "completed";
  // Servers before Torque 6 end a job over its walltime by the same signal as one that is deleted.
  if (exitStatus === 256 + 15) return outlivedWalltime(attributes) ? "walltime" : "deleted-running";
  return "killed";
}

function outlivedWalltime(attributes: ReadonlyMap<string, string>): boolean {
  const used = secondsOf(attributes.get("resources_used.walltime"));
  const allowed = secondsOf(attributes.get("Resource_List.walltime"));
  return used !== undefined && allowed !== undefined && used >= allowed;
}

/** `[[[D:]HH:]MM:]SS` or `D-HH:MM:SS`, in seconds. */
export function secondsOf(text: string | undefined): number | undefined {
  const match = /^(?:(\d+)-(?=\d+:\d+:\d+$))?(\d+(?::\d+){0,3})$/.exec(text ?? "");
  if (!match) return undefined;
  const parts = (match[2] ?? "").split(":").reverse();
  const clock = parts.reduce((sum, part, i) => sum + Number(part) * ([1, 60, 3600, 86_400][i] ?? 0), 0);
  return Number(match[1] ?? 0) * 86_400 + clock;
}
