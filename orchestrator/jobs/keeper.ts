import type { JobStatus } from "../../pbs/batch-system.ts";
import { BackfillError, describeError } from "../../worker/contract/errors.ts";
import type { NodeRole } from "../../worker/contract/keys.ts";
import type { JobView } from "../view.ts";
import { createLookout } from "./look.ts";
import { steer, type Action, type StoreSight } from "./steer.ts";
import { createSubmissions } from "./submit.ts";
import { rolesOf, type JobWorld } from "./world.ts";

/**
 * Looks after the jobs of a campaign: `look` finds out what became of them, `steer` decides, this part carries out. Everything that
 * it must remember stands in the journal; what it holds besides is only when it heard whom.
 */
export interface JobKeeper {
  /** Finds out what became of the jobs. */
  look(): Promise<void>;
  /** Looks, then does what follows from it. */
  round(): Promise<void>;
  drain(jobs: readonly JobView[], reason: string): Promise<void>;
  cancel(jobs: readonly JobView[], reason: string): Promise<void>;
  /** Looks for jobs of the campaign that nobody knows, and deletes them. @returns whether there was none */
  sweep(): Promise<boolean>;
  /** What the batch system said last, by job name. */
  readonly statuses: Map<string, JobStatus>;
  /** What Elasticsearch said at the last look; undefined when it did not answer. */
  store(): StoreSight | undefined;
}

/** A qdel is repeated after this long; on a lost node one takes a minute. */
const CANCEL_AGAIN_MS = 60_000;

export function createJobKeeper(world: JobWorld): JobKeeper {
  const { view, policy, agents, log } = world;
  const submissions = createSubmissions(world);
  const lookout = createLookout(world, submissions);
  const cancelledAt = new Map<string, number>();

  const drain = async (job: JobView, reason: string): Promise<void> => {
    if (!job.draining) await world.decide({ type: "drain", jobName: job.name, reason });
    await agents.askToDrain(job.name, reason);
  };

  const cancel = async (job: JobView, reason: string): Promise<void> => {
    if (!job.cancelled) {
      await world.decide({ type: "job-cancel", jobName: job.name, reason });
      log.info("deleting a job", { job: job.name, reason });
    }
    const before = cancelledAt.get(job.name);
    // Without an id it is looked up by its name until it has one, or never was submitted.
    if (job.jobId === undefined || (before !== undefined && world.now() - before < CANCEL_AGAIN_MS)) return;
    cancelledAt.set(job.name, world.now());
    // A node behind a cut link hears of it when the link is back.
    await agents.askToDrain(job.name, reason);
    try {
      await world.batch.cancel(job.jobId, world.signal);
    } catch (error) {
      world.signal.throwIfAborted();
      log.warn("qdel failed; it will be tried again", { job: job.name, error: describeError(error) });
    }
  };

  const carryOut = async (action: Exclude<Action, { kind: "submit" }>): Promise<void> => {
    if (action.kind === "quarantine") {
      const { host, until, reason } = action;
      await world.decide({ type: "quarantine", host, until, reason });
      await warn(`no more jobs on ${host} until ${new Date(until).toISOString()}: ${reason}`);
      return;
    }
    if (action.kind === "breaker") {
      const { role, state, reason, probeAt } = action;
      await world.decide({ type: "breaker", role, state, reason, ...(probeAt === undefined ? {} : { probeAt }) });
      const text =
        state === "open"
          ? `no more jobs of the role ${role} for now: ${reason}`
          : `jobs of the role ${role} again: ${reason}`;
      if (state === "open") await warn(text);
      else log.info(text);
      return;
    }
    const job = view.jobs.get(action.jobName);
    if (!job || job.ended) return;
    switch (action.kind) {
      case "exclude": {
        const { reason, shards, bytes } = action;
        await world.decide({ type: "exclude", jobName: job.name, reason, shards, bytes });
        log.info("a data node's shards move away", { job: job.name, reason, shards });
        return;
      }
      case "release":
        await world.decide({ type: "release", jobName: job.name });
        await agents.withdraw(job.name);
        log.info("a data node is empty", { job: job.name });
        return;
      case "drain":
        // Once more: whoever wrote the release down may have died before he did it.
        if (job.role === "es-data") await agents.withdraw(job.name);
        return drain(job, action.reason);
      case "cancel":
        return cancel(job, action.reason);
    }
  };

  const warn = async (text: string): Promise<void> => {
    await world.decide({ type: "warning", text });
    log.warn(text);
  };

  const act = async (): Promise<void> => {
    const store = lookout.store();
    const sight = { now: world.now(), roles: rolesOf(view.state), ...(store ? { store } : {}) };
    const stopped = new Set<NodeRole>();
    let trouble: BackfillError | undefined;
    for (const action of steer(view, policy, sight)) {
      if (action.kind !== "submit") await carryOut(action);
      // One that does not answer would leave a name of which nobody knows for a while whether it was taken.
      else if (!lookout.batchAnswers()) continue;
      // Submitting many takes a while, in which the campaign may be cancelled.
      else if (world.ready() && !stopped.has(action.role) && rolesOf(view.state).includes(action.role)) {
        try {
          // After a no, or no answer, the next look comes first.
          if (!(await submissions.submit(action.role, action.replaces))) stopped.add(action.role);
        } catch (error) {
          if (!(error instanceof BackfillError) || !error.retryable) throw error;
          // What keeps one role's jobs from being written must not keep the other's from being looked after.
          stopped.add(action.role);
          trouble ??= error;
        }
      }
    }
    if (trouble !== undefined) throw trouble;
  };

  // Two looks at the same time would write each end down twice, two rounds submit twice.
  let busy: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = busy.then(work);
    busy = turn.catch(() => undefined);
    return turn;
  };

  return {
    statuses: lookout.statuses,
    store: () => lookout.store(),
    look: () => inTurn(() => lookout.look()),
    round: () =>
      inTurn(async () => {
        await lookout.look();
        await act();
      }),
    drain: (jobs, reason) =>
      inTurn(async () => {
        for (const job of jobs) if (!job.ended) await drain(job, reason);
      }),
    cancel: (jobs, reason) =>
      inTurn(async () => {
        for (const job of jobs) if (!job.ended) await cancel(job, reason);
      }),
    sweep: () =>
      inTurn(async () => {
        submissions.sweepAgain();
        await submissions.resolve();
        return submissions.swept;
      }),
  };
}
