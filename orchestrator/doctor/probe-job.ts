import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FileStore } from "../../pbs/access/index.ts";
import type { BatchSystem, JobSpec, JobStatus, PbsJobId } from "../../pbs/batch-system.ts";
import { PROBE_REPORT } from "../../pbs/probe-script.ts";
import { BackfillError } from "../../worker/contract/errors.ts";
import type { LookedWithin } from "./clock.ts";

/** A small job that tells of its host. */
export interface ProbeJob {
  readonly system: BatchSystem;
  /** Where `dir` is. */
  readonly files: FileStore;
  /** The job's own directory; not there before, and not after. */
  readonly dir: string;
  readonly spec: JobSpec;
  readonly script: string;
  readonly patience: Patience;
}

/** How long each part of a probe's life may take. */
export interface Patience {
  readonly queueSeconds: number;
  readonly runSeconds: number;
  /** How late a file may be seen here that was written there: clients of file servers remember what was not there. */
  readonly fileSeconds: number;
}

/** What came of it. */
export type ProbeOutcome =
  | { readonly kind: "report"; readonly text: string; readonly looked: LookedWithin }
  /** It was not started in time. */
  | { readonly kind: "waits"; readonly queue: string | undefined; readonly comment: string | undefined }
  /** It was started, and no report came. */
  | { readonly kind: "silent"; readonly hosts: readonly string[]; readonly words: string };

const POLL_MS = 1000;

/**
 * Submits the job, waits for what it has to tell, and removes every trace of it, also when it is stopped meanwhile or the job never starts.
 * @throws GridError `QSUB_REFUSED` and whatever else the batch system or the files say
 */
export async function runProbe(job: ProbeJob, signal: AbortSignal): Promise<ProbeOutcome> {
  const { system, files, dir, spec, script } = job;
  signal.throwIfAborted();
  /** Once it has ended by itself nothing is to be deleted. */
  const life: { id?: PbsJobId; unanswered?: boolean; ended?: boolean } = {};
  try {
    await files.makeDir(dir);
    await files.write(spec.scriptFile, script, 0o755);
    // Seen to its end whatever happens: without the id the job could not be deleted.
    life.id = await system.submit(spec, new AbortController().signal).catch((error: unknown) => {
      life.unanswered = error instanceof BackfillError && error.code === "QSUB_UNANSWERED";
      throw error;
    });
    const outcome = await follow(job, life.id, signal);
    life.ended = outcome.ended;
    return outcome;
  } finally {
    await deleteJob(system, spec.name, life).finally(() => files.remove(dir));
  }
}

async function deleteJob(
  system: BatchSystem,
  name: string,
  life: { readonly id?: PbsJobId; readonly unanswered?: boolean; readonly ended?: boolean },
): Promise<void> {
  if (life.ended) return;
  // Each command has its own time limit; whoever is stopped still cleans up.
  const { signal } = new AbortController();
  if (life.id !== undefined) await system.cancel(life.id, signal);
  if (!life.unanswered) return;
  for (const known of await system.list(signal)) {
    if (known.name === name && known.state !== "finished") await system.cancel(known.id, signal);
  }
}

async function follow(
  { system, files, dir, spec, patience }: ProbeJob,
  id: PbsJobId,
  signal: AbortSignal,
): Promise<ProbeOutcome & { readonly ended: boolean }> {
  const submittedAt = Date.now();
  /** When it was last seen to wait, and so had not looked at its clock. */
  let since = submittedAt;
  let startedAt: number | undefined;
  let endedAt: number | undefined;
  let hosts: readonly string[] = [];
  const isPast = (from: number | undefined, seconds: number): boolean =>
    from !== undefined && Date.now() - from > seconds * 1000;
  let report: { readonly text: string; readonly until: number } | undefined;
  for (;;) {
    const lookedAt = Date.now();
    const status = (await system.status([id], signal)).get(id);
    if (status && status.hosts.length > 0) hosts = status.hosts;
    if (status && isWaiting(status)) {
      since = lookedAt;
      if (isPast(submittedAt, patience.queueSeconds)) {
        return { kind: "waits", queue: status.queue ?? spec.queue, comment: status.comment, ended: false };
      }
    } else startedAt ??= lookedAt;
    // One that has ended may be forgotten at once.
    const isOver = status === undefined || status.state === "finished";
    endedAt = isOver ? (endedAt ?? lookedAt) : undefined;
    const file = report ? undefined : await files.read(join(dir, PROBE_REPORT));
    if (file) report = { text: file.toString("utf8"), until: Date.now() };
    // What it prints is delivered at its end, into the directory that is removed next.
    if (report && (isOver || isPast(report.until, patience.fileSeconds))) {
      const { text, until } = report;
      return { kind: "report", text, looked: { since, until }, ended: isOver };
    }
    const isSilent = isPast(endedAt, patience.fileSeconds) || isPast(startedAt, patience.runSeconds);
    if (!report && isSilent) return { kind: "silent", hosts, words: await wordsOf(files, spec, status), ended: isOver };
    await sleep(POLL_MS, undefined, { signal });
  }
}

function isWaiting({ state }: JobStatus): boolean {
  return state === "queued" || state === "held";
}

/** What it, or the batch system, says of its end. */
async function wordsOf(files: FileStore, spec: JobSpec, status: JobStatus | undefined): Promise<string> {
  const parts = [
    status?.end,
    status?.exitStatus === undefined ? undefined : `exit status ${String(status.exitStatus)}`,
  ];
  for (const file of [spec.errorFile, spec.outputFile]) {
    const text = (await files.read(file).catch(() => undefined))?.toString("utf8").trim();
    if (text) parts.push(text.split("\n").slice(-3).join(" | ").slice(-300));
  }
  return parts.filter((part) => part !== undefined).join(", ") || "nobody says why";
}
