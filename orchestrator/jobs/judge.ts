import type { JobStatus } from "../../pbs/batch-system.ts";
import { AGENT_EXITS } from "../../worker/contract/agent-exits.ts";
import type { JobView } from "../view.ts";
import type { JobPolicy } from "./policy.ts";

/**
 * The truth about a job, put together from four witnesses that each may be silent or wrong: the batch system, the
 * exit-status file that the job writes last, the agent's heartbeat, and Elasticsearch's own list of members. Pure.
 */
export interface Evidence {
  readonly now: number;
  /** What the batch system said of the job; `away` when it did not answer at all. */
  readonly batch: "away" | JobStatus | { readonly absentSince: number; readonly looks: number };
  /** From the exit-status file. */
  readonly exitStatus?: number;
  /** The agent's latest heartbeat, while it counts. */
  readonly beat?: { readonly instance: string; readonly state: string };
  /** When the agent was heard last, or when listening began. */
  readonly heardAt: number;
  /**
   * Since when some agent of the campaign is heard without a pause; undefined while nobody is. Silence says something
   * of a node only while others are heard: else Redis or the proxy is away.
   */
  readonly somebodySince?: number;
  /** Whether Elasticsearch counts the node among its members; undefined when it did not answer. */
  readonly member?: boolean;
}

export type Verdict =
  /** In the queue. */
  | { readonly kind: "waiting" }
  /** It runs, as far as anybody can tell. */
  | { readonly kind: "running" }
  /** Nothing can be said now; time will tell. */
  | { readonly kind: "unknown"; readonly why: string }
  /** The job is over. */
  | { readonly kind: "ended"; readonly exit: number | null; readonly how: string }
  /** The node is dead, though its job may still be listed. */
  | { readonly kind: "lost"; readonly how: string }
  /** The batch system has taken the job back and runs it once more under the same id. */
  | { readonly kind: "requeued"; readonly how: string };

/**
 * Silence of a node whose neighbours are heard. Three beats of three seconds are missing after nine; with the look that notices
 * it, a dead node is found within 30 s.
 */
const SILENCE_MS = 20_000;
/** An absent job without any sign of life: a batch server forgets what it had not written down before a restart. */
const ABSENT_MS = 60_000;
const ABSENT_LOOKS = 3;
/** One that never ran loses nothing by waiting longer. */
const ABSENT_QUEUED_MS = 300_000;
/** The start of one run as it is told twice, and by clocks that were set in between. */
const SAME_START_MS = 10_000;
/** An agent ends itself after its orphan's grace; so much later it has. */
const AFTER_GRACE_MS = 60_000;

export function judge(job: JobView, policy: JobPolicy, evidence: Evidence): Verdict {
  const { batch, exitStatus, beat, now } = evidence;
  const status = batch !== "away" && "state" in batch ? batch : undefined;
  // A beat of an agent that another life of the job has replaced says nothing; nor does the last word of one that ends.
  const alive = beat !== undefined && beat.state !== "ended" && isOwn(job, beat.instance);

  if (status?.state === "finished") {
    return {
      kind: "ended",
      exit: status.exitStatus ?? exitStatus ?? null,
      how: howItEnded(job, status.end ?? "finished"),
    };
  }
  const again = alive ? undefined : requeued(job, status);
  if (again !== undefined) return { kind: "requeued", how: again };
  // A second agent's word is not about the node that has the name.
  if (exitStatus !== undefined && exitStatus !== AGENT_EXITS["second-agent"] && !alive) {
    return { kind: "ended", exit: exitStatus, how: howItEnded(job, "its script ended") };
  }
  // One that was given up only has to go.
  if (alive && !job.lost) return { kind: "running" };
  if (status?.state === "queued" || status?.state === "held") return { kind: "waiting" };

  if (batch !== "away" && "absentSince" in batch) return absent(job, evidence, batch);
  if (job.lost) return { kind: "unknown", why: "its node is lost, its job still listed" };
  const dead = deadNode(job, policy, evidence);
  if (dead !== undefined) return { kind: "lost", how: dead };
  if (status?.state === "running" || status?.state === "exiting") return { kind: "running" };
  if (status) return { kind: "unknown", why: `the batch system says ${JSON.stringify(status.rawState)}` };
  return {
    kind: "unknown",
    why: now - evidence.heardAt > SILENCE_MS ? "nobody can be asked" : "the batch system is away",
  };
}

function isOwn(job: JobView, instance: string): boolean {
  return job.instance === undefined || job.instance === instance;
}

function howItEnded(job: JobView, otherwise: string): string {
  if (job.lost) return `its node was lost: ${job.lost.how}`;
  if (job.draining) return "drained";
  return job.cancelled ? "cancelled" : otherwise;
}

/** How one sees that a job which had started is being run again. */
function requeued(job: JobView, status: JobStatus | undefined): string | undefined {
  if (job.startedAt === undefined || !status) return undefined;
  if (status.state === "queued" || status.state === "held") return `it is ${status.state} again`;
  const { startedAt, restarts } = job.told ?? {};
  if (restarts !== undefined && status.restarts !== undefined && status.restarts > restarts) {
    return `it was started ${String(status.restarts)} times again`;
  }
  if (startedAt !== undefined && status.startedAt !== undefined && status.startedAt - startedAt > SAME_START_MS) {
    return `it started again at ${new Date(status.startedAt).toISOString()}`;
  }
  return undefined;
}

/** Absent is not finished: a restarted or confused server, or a truncated answer, leaves jobs out that run. */
function absent(
  job: JobView,
  { now, heardAt, member }: Evidence,
  { absentSince, looks }: { readonly absentSince: number; readonly looks: number },
): Verdict {
  const patience = job.startedAt === undefined ? ABSENT_QUEUED_MS : ABSENT_MS;
  const long = looks >= ABSENT_LOOKS && now - absentSince >= patience;
  const silent = job.startedAt === undefined || now - heardAt >= ABSENT_MS;
  if (long && silent && member !== true) {
    return { kind: "ended", exit: null, how: howItEnded(job, "gone from the batch system") };
  }
  return { kind: "unknown", why: "the batch system does not list it" };
}

/** Why the node of a job that seems to run is dead; undefined when it may live. */
function deadNode(job: JobView, policy: JobPolicy, evidence: Evidence): string | undefined {
  const { now, heardAt, somebodySince, member } = evidence;
  if (job.certifiedAt === undefined) {
    const since = job.startedAt;
    const patience = policy.silentStartSeconds * 1000;
    if (since === undefined || now - Math.max(since, heardAt) <= patience) return undefined;
    return `no word from its agent ${seconds(now - since)} s after its start`;
  }
  // Elasticsearch lives, so the node does, whatever became of its agent's connection.
  if (member === true) return undefined;
  const grace = policy.orphanGraceSeconds[job.role] * 1000 + AFTER_GRACE_MS;
  if (now - heardAt > grace) return `no heartbeat for ${seconds(now - heardAt)} s: its agent has ended itself`;
  if (somebodySince === undefined || (job.role === "es-data" && member === undefined)) return undefined;
  const silence = now - Math.max(heardAt, somebodySince);
  if (silence < SILENCE_MS) return undefined;
  const store = job.role === "es-data" ? ", and Elasticsearch does not count it among its members" : "";
  return `no heartbeat for ${seconds(now - heardAt)} s while others are heard${store}`;
}

function seconds(ms: number): string {
  return String(Math.round(ms / 1000));
}
