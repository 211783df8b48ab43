import { isAlive } from "../../worker/contract/process.ts";
import { completeJob, readActiveJob, readActiveJobs, readProgress, writeActiveJob, type LocalJob } from "./job.ts";
import { withLock } from "./lock.ts";
import { JobProcesses } from "./process-table.ts";
import { startMom } from "./start-mom.ts";

/** "Job aborted on MOM initialization": what Torque says of a job whose mom died. @source pbs_job.h, JOB_EXEC_INITABT */
export const ABANDONED = -4;

const KILL_PATIENCE_MS = 5_000;
const RESTARTS = 3;

/**
 * Looks after jobs whose mom was killed: the processes of a running one are killed and the
 * job is finished; a queued one gets another mom. Every program does this before its own
 * work, so nobody is told of a job that nobody runs.
 */
export function reapAbandoned(dir: string): void {
  for (const job of readActiveJobs(dir)) {
    if (isAlive(job.mom)) continue;
    if (job.state !== "Q") killAll(dir, job);
    withLock(dir, () => {
      const now = readActiveJob(dir, job.sequence);
      // Somebody else may have looked after it in the meantime.
      if (!now || isAlive(now.mom)) return;
      if (now.state !== "Q") {
        completeJob(dir, now, { exitStatus: ABANDONED, hint: "the process that supervised the job was killed" });
      } else if (now.momRestarts < RESTARTS) {
        writeActiveJob(dir, { ...now, mom: startMom(dir, now.sequence), momRestarts: now.momRestarts + 1 });
      } else {
        completeJob(dir, now, { hint: "the process that supervised the job ended again and again" });
      }
    });
  }
}

/** The caller is a short program: it waits without turning its event loop. */
function killAll(dir: string, job: LocalJob): void {
  const progress = readProgress(dir, job.sequence);
  const processes = new JobProcesses(job, [...(progress?.processes ?? []), ...(job.leader ? [job.leader] : [])]);
  const giveUpAt = Date.now() + KILL_PATIENCE_MS;
  while (processes.signal("SIGKILL") > 0 && Date.now() < giveUpAt) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}
