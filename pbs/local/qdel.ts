import { completeJob, readActiveJob, readJob, writeActiveJob } from "./job.ts";
import { looksLikeJobId, sequenceOf } from "./job-ids.ts";
import { withLock } from "./lock.ts";
import { reapAbandoned } from "./reap.ts";
import { Refusal } from "./refusal.ts";

const USAGE = "usage: qdel <JOBID> [<JOBID>]...";

/**
 * `qdel`: a queued job is finished at once, without an exit status; a running one is ended by
 * its mom, with TERM and then KILL, while this program has long returned. The exit code is that of the last
 * id that could not be deleted.
 */
export function qdel(dir: string, args: readonly string[]): { readonly code: number; readonly stderr: string } {
  if (args.length === 0) throw Refusal.usage(USAGE);
  const option = args.find((arg) => arg.startsWith("-"));
  if (option !== undefined) throw Refusal.usage(`qdel: invalid option -- '${option.charAt(1)}'\n${USAGE}`);
  reapAbandoned(dir);
  let code = 0;
  let stderr = "";
  for (const id of args) {
    const refusal = remove(dir, id);
    if (!refusal) continue;
    code = refusal.exitCode;
    stderr += `${refusal.message}\n`;
  }
  return { code, stderr };
}

function remove(dir: string, id: string): Refusal | undefined {
  if (!looksLikeJobId(id)) return new Refusal(1, `qdel: illegally formed job identifier: ${id}`);
  const sequence = sequenceOf(id);
  return withLock(dir, () => {
    const job = sequence === undefined ? undefined : readActiveJob(dir, sequence);
    if (!job) {
      const finished = sequence === undefined ? undefined : readJob(dir, sequence);
      return finished
        ? new Refusal(170, `qdel: Request invalid for state of job MSG=invalid state for job - COMPLETE ${finished.id}`)
        : new Refusal(153, `qdel: nonexistent job id: ${id}`);
    }
    if (job.state === "Q") completeJob(dir, job);
    else if (job.cancelledAt === undefined) {
      const now = Date.now();
      writeActiveJob(dir, { ...job, cancelledAt: now, changedAt: now });
    }
    return undefined;
  });
}
