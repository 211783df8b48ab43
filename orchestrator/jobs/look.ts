import type { JobStatus } from "../../pbs/batch-system.ts";
import { describeError, StoreError } from "../../worker/contract/errors.ts";
import type { Heartbeat, NodeRegistration } from "../../worker/contract/node.ts";
import { liveJobs, type CampaignView, type JobView } from "../view.ts";
import { judge, type Evidence, type Verdict } from "./judge.ts";
import type { StoreSight } from "./steer.ts";
import type { Submissions } from "./submit.ts";
import type { JobWorld } from "./world.ts";

/** Finds out what became of the jobs, and writes it down. */
export interface Lookout {
  /** Hears all witnesses once. A batch system or an Elasticsearch that is away is evidence, too. @throws what Redis throws */
  look(): Promise<void>;
  /** What the batch system said last, by job name. */
  readonly statuses: Map<string, JobStatus>;
  /** What Elasticsearch said at the last look; undefined when it did not answer. */
  store(): StoreSight | undefined;
  /** Whether the batch system answered at the last look, if there was something to ask. */
  batchAnswers(): boolean;
}

export function createLookout(world: JobWorld, submissions: Submissions): Lookout {
  const { view, agents, files, log, policy } = world;
  const statuses = new Map<string, JobStatus>();
  const absent = new Map<string, { absentSince: number; looks: number }>();
  /** When each agent was heard last. */
  const heard = new Map<string, number>();
  const listeningSince = world.now();
  let somebodySince: number | undefined;
  let store: StoreSight | undefined;
  let answers = true;
  /** What was said last of each that does not answer: the same again is not news. */
  const said = new Map<string, string>();
  const silent = (who: string, error: unknown): void => {
    world.signal.throwIfAborted();
    const text = describeError(error);
    if (said.get(who) !== text) log.warn(`${who} does not answer`, { error: text });
    said.set(who, text);
  };
  const spoke = (who: string): void => {
    if (said.delete(who)) log.info(`${who} answers again`);
  };

  /** Undefined when it did not answer. */
  const askBatch = async (jobs: readonly JobView[]): Promise<ReadonlyMap<string, JobStatus> | undefined> => {
    const ids = jobs.flatMap((job) => job.jobId ?? []);
    if (ids.length === 0) return new Map();
    try {
      const found = await world.batch.status(ids, world.signal);
      spoke("the batch system");
      return found;
    } catch (error) {
      silent("the batch system", error);
      return undefined;
    }
  };

  const askAgents = async () => {
    try {
      return { beats: await agents.heartbeats(), registrations: await agents.registrations() };
    } catch (cause) {
      // Without Redis nobody could be told anything either.
      throw new StoreError("REDIS_AWAY", `Redis does not tell what the agents say: ${describeError(cause)}`, {
        retryable: true,
        cause,
      });
    }
  };

  const askStore = async (): Promise<StoreSight | undefined> => {
    try {
      const sight = await world.store(withoutShards(view));
      spoke("Elasticsearch");
      return sight;
    } catch (error) {
      silent("Elasticsearch", error);
      return undefined;
    }
  };

  const listen = (beats: ReadonlyMap<string, Heartbeat>, now: number): void => {
    for (const [name, beat] of beats) {
      const instance = view.jobs.get(name)?.instance;
      if (instance === undefined || beat.instance === instance) heard.set(name, now);
    }
    if (beats.size === 0) somebodySince = undefined;
    else somebodySince ??= now;
  };

  const evidenceOf = async (
    job: JobView,
    found: ReadonlyMap<string, JobStatus> | undefined,
    beat: Heartbeat | undefined,
    now: number,
  ): Promise<Evidence> => {
    const status = found?.get(job.jobId ?? "");
    let batch: Evidence["batch"];
    if (status) {
      statuses.set(job.name, status);
      absent.delete(job.name);
      batch = status;
    } else if (found) {
      const before = absent.get(job.name);
      batch = { absentSince: before?.absentSince ?? now, looks: (before?.looks ?? 0) + 1 };
      absent.set(job.name, batch);
    } else batch = "away";
    // Neither one that says that it lives nor one that waits need be asked for its last word.
    const waits = status?.state === "queued" || status?.state === "held";
    const exitStatus = waits || (beat && beat.state !== "ended") ? undefined : await files.exitStatus(job);
    return {
      now,
      batch,
      heardAt: Math.max(listeningSince, heard.get(job.name) ?? 0),
      ...(exitStatus === undefined ? {} : { exitStatus }),
      ...(beat ? { beat } : {}),
      ...(somebodySince === undefined ? {} : { somebodySince }),
      ...(store ? { member: store.nodes.has(job.name) } : {}),
    };
  };

  const apply = async (job: JobView, verdict: Verdict): Promise<void> => {
    const { name } = job;
    switch (verdict.kind) {
      case "waiting":
      case "running":
      case "unknown":
        return;
      case "ended":
        // Parsers would go on sending to a node that could not withdraw itself.
        await agents.withdraw(name);
        await noteStart(job);
        await world.decide({ type: "job-ended", jobName: name, exit: verdict.exit, how: verdict.how });
        absent.delete(name);
        if (verdict.exit !== 0 && !job.draining && !job.cancelled && !job.lost) await warn(job, verdict.exit);
        return;
      case "lost": {
        await agents.withdraw(name);
        await world.decide({ type: "job-lost", jobName: name, how: verdict.how });
        submissions.sweepAgain();
        const text = `the node of job ${name} (${job.jobId ?? "?"}) is lost: ${verdict.how}`;
        await world.decide({ type: "warning", text });
        log.warn(text);
        return;
      }
      case "requeued":
        // First: whoever adopts the campaign in between finds the same evidence and does the same again.
        await agents.forgetLife(name, job.instance);
        await files.forgetExit(job);
        await world.decide({ type: "requeued", jobName: name, how: verdict.how });
        heard.delete(name);
        log.warn("the batch system runs a job once more", { job: name, how: verdict.how });
        return;
    }
  };

  const warn = async (job: JobView, exit: number | null): Promise<void> => {
    const text = `job ${job.name} (${job.jobId ?? "?"}) ended with exit status ${String(exit ?? "unknown")}: ${await files.lastWords(job)}`;
    await world.decide({ type: "warning", text });
    log.warn(text);
  };

  /** Writes down that a job began to run, also of one that had ended by the next look. */
  const noteStart = async (job: JobView, registration?: NodeRegistration): Promise<void> => {
    const status = statuses.get(job.name);
    const hosts = status?.hosts ?? [];
    const runs = status?.state === "running" || status?.state === "exiting";
    const hasRun = status?.state === "finished" && hosts.length > 0;
    if (job.startedAt !== undefined || !(runs || hasRun || registration)) return;
    const now = world.now();
    const told = {
      ...(status?.startedAt === undefined ? {} : { startedAt: status.startedAt }),
      ...(status?.restarts === undefined ? {} : { restarts: status.restarts }),
    };
    await world.decide({
      type: "started",
      jobName: job.name,
      startedAt: Math.min(now, status?.startedAt ?? registration?.startedAt ?? now),
      ...(runs ? { told } : {}),
      ...(status?.queuedAt === undefined ? {} : { queuedAt: status.queuedAt }),
      hosts: hosts.length > 0 ? hosts : registration ? [registration.address] : [],
    });
  };

  /** Writes down that a job began to run, and that its node works. */
  const note = async (job: JobView, registration: NodeRegistration | undefined): Promise<void> => {
    const { name } = job;
    await noteStart(job, registration);
    const own = registration && (job.instance === undefined || registration.instance === job.instance);
    const member = job.role === "parser" || store?.nodes.has(name) === true;
    if (job.upAt === undefined && own && member && job.certifiedAt !== undefined) {
      await world.decide({ type: "node-up", jobName: name });
    }
  };

  return {
    statuses,
    store: () => store,
    batchAnswers: () => answers,
    async look() {
      await submissions.resolve();
      const jobs = liveJobs(view).filter((job) => job.jobId !== undefined);
      const found = await askBatch(jobs);
      answers = found !== undefined;
      const { beats, registrations } = await askAgents();
      store = await askStore();
      const now = world.now();
      listen(beats, now);
      for (const job of jobs) {
        const verdict = judge(job, policy, await evidenceOf(job, found, beats.get(job.name), now));
        await apply(job, verdict);
        if (verdict.kind === "running" && !job.lost) await note(job, registrations.get(job.name));
      }
    },
  };
}

/**
 * Data nodes that get no shards: those that leave, and those that were given up or ended without being let go. What runs of one behind a
 * cut link joins the cluster again when the link is back, and is deleted then.
 */
function withoutShards(view: CampaignView): readonly string[] {
  const isOut = ({ role, ended, leaving, lost, upAt }: JobView): boolean => {
    if (role !== "es-data") return false;
    if (ended === undefined) return leaving !== undefined || lost !== undefined;
    return upAt !== undefined && ended.exit !== 0;
  };
  return [...view.jobs.values()].filter(isOut).map(({ name }) => name);
}
