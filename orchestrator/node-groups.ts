import { lookup } from "node:dns/promises";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobStatus } from "../pbs/batch-system.ts";
import { renderJobScript } from "../pbs/job-script.ts";
import { BackfillError, describeError, GridError } from "../worker/contract/errors.ts";
import { parseJson } from "../worker/contract/json.ts";
import { NODE_ROLES, type NodeRole } from "../worker/contract/keys.ts";
import {
  heartbeatSchema,
  joinRequestSchema,
  nodeRegistrationSchema,
  type Heartbeat,
  type IssuedCertificates,
  type JoinRequest,
  type LeaseRecord,
  type NodeRegistration,
} from "../worker/contract/node.ts";
import type { CampaignState } from "./campaign.ts";
import { writeFileAtomic } from "./campaign-store.ts";
import { decide, programsOf, type CampaignContext } from "./context.ts";
import { jobDirOf, jobNameOf, jobNumber, jobSpecOf, nodeSpecOf, type NodeInputs } from "./node-specs.ts";
import { certify, verifyJoin, writeJobSecrets } from "./security/index.ts";
import { liveJobs, type CampaignView, type JobView } from "./view.ts";

/**
 * Node groups: so many jobs of each role. This part submits what is missing, drains what is too much, certifies the
 * agents that report, and finds out what became of each job. The truth about a job is put together from qstat, the
 * exit-status file that the job writes itself, and the agent's heartbeat.
 */
export interface NodeGroups {
  /** Submits and drains until the journal's targets are met. Jobs that an earlier orchestrator asked for are looked up first. */
  reconcile(): Promise<void>;
  /** Looks at all live jobs once; ended ones go to the journal. */
  poll(): Promise<void>;
  /** Answers the agents that ask for certificates. */
  serveJoins(): Promise<void>;
  /** Asks the jobs to drain through Redis. */
  drain(jobs: readonly JobView[], reason: string): Promise<void>;
  /** qdel, for jobs that did not end by themselves. */
  cancel(jobs: readonly JobView[], reason: string): Promise<void>;
  registrations(): Promise<ReadonlyMap<string, NodeRegistration>>;
  heartbeats(): Promise<ReadonlyMap<string, Heartbeat>>;
  /** What the batch system said last, by job name. */
  lastStatus(jobName: string): JobStatus | undefined;
  /** Highest resident memory and CPU seconds seen of each job. */
  readonly usage: ReadonlyMap<string, JobUsage>;
}

export interface JobUsage {
  rssBytes: number;
  cpuSeconds: number;
}

/** After so many failed jobs of a role in a row no more are submitted. */
const MOST_FAILURES = 4;
/** A node that was part of the campaign for this long has worked. */
const WORKED_MS = 60_000;
/** States in which what is missing is submitted. */
const NODES_WANTED: ReadonlySet<CampaignState> = new Set(["booting", "running", "paused", "restoring", "serving"]);
/** A job that the batch system no longer knows counts as ended after so many looks without any sign of life. */
const ABSENT_LOOKS = 3;

/**
 * How many jobs of a role, the newest ones, failed before they were of any use. One that worked for a while ends the row, whatever its end: walltimes and
 * the silence of an orchestrator end all of a role at once.
 */
export function failuresInARow(view: CampaignView, role: NodeRole): number {
  const jobs = [...view.jobs.values()].filter((job) => job.role === role).sort((a, b) => b.intentAt - a.intentAt);
  let failures = 0;
  for (const { ended, certifiedAt, draining, cancelled } of jobs) {
    // Nobody knows yet what becomes of it.
    if (ended === undefined && certifiedAt === undefined) continue;
    const workedUntil = ended?.at ?? Date.now();
    const worked = certifiedAt !== undefined && workedUntil - certifiedAt >= WORKED_MS;
    if (worked || ended?.exit === 0 || draining || cancelled) break;
    if (ended) failures += 1;
  }
  return failures;
}

export function createNodeGroups(ctx: CampaignContext, inputs: () => NodeInputs): NodeGroups {
  const statuses = new Map<string, JobStatus>();
  const absent = new Map<string, number>();
  const answered = new Set<string>();
  const usage = new Map<string, JobUsage>();
  let joinsFrom = "0-0";

  const lease = async (job: JobView, jobId: string): Promise<void> => {
    const record: LeaseRecord = { jobName: job.name, jobId, role: job.role };
    await ctx.redis.hset(ctx.keys.leases, job.name, JSON.stringify(record));
  };

  /** A job of ours that the batch system knows by its name; undefined when it was asked and there is none. */
  const findByName = async (name: string): Promise<JobStatus | undefined> =>
    (await ctx.batch.list(ctx.signal)).find((status) => status.name === name);

  const writeJobFiles = async (job: JobView): Promise<void> => {
    if (!ctx.secrets)
      throw new GridError("GATEWAY_DOWN", "the campaign's secrets are not made yet", { retryable: true });
    const dir = jobDirOf(ctx.paths, job.name);
    await mkdir(dir, { recursive: true });
    await writeJobSecrets(ctx.secrets, { jobName: job.name, role: job.role });
    await writeFileAtomic(
      join(dir, "node.json"),
      `${JSON.stringify(nodeSpecOf(inputs(), job.role, job.name), null, 2)}\n`,
    );
    const spec = await ctx.batch.place(
      jobSpecOf({ config: ctx.config, paths: ctx.paths }, job.role, job.name),
      ctx.signal,
    );
    const script = renderJobScript({
      spec,
      dialect: ctx.dialect,
      node: programsOf(ctx).node,
      agentBundle: programsOf(ctx).agent,
      jobDir: dir,
    });
    await writeFileAtomic(spec.scriptFile, script, 0o755);
  };

  /**
   * Submits the job of an intent, unless it was submitted already. An answer that never came is resolved by looking
   * for the name; a second agent of the same name would end itself in any case.
   */
  const submit = async (job: JobView, lookFirst: boolean): Promise<void> => {
    const known = lookFirst ? await findByName(job.name) : undefined;
    if (known) {
      await decide(ctx, { type: "submitted", jobName: job.name, jobId: known.id, found: true });
      await lease(job, known.id);
      ctx.log.info("found a job that was submitted before", { job: job.name, id: known.id });
      return;
    }
    await writeJobFiles(job);
    let jobId: string;
    try {
      jobId = await ctx.batch.submit(
        jobSpecOf({ config: ctx.config, paths: ctx.paths }, job.role, job.name),
        ctx.signal,
      );
    } catch (error) {
      if (error instanceof BackfillError && !error.retryable) {
        await decide(ctx, { type: "submit-refused", jobName: job.name, reason: describeError(error) });
        throw error;
      }
      // Nobody knows whether it submitted. The next look finds it by its name or submits it.
      ctx.log.warn("qsub did not answer; the job will be looked up by its name", {
        job: job.name,
        error: describeError(error),
      });
      return;
    }
    await decide(ctx, { type: "submitted", jobName: job.name, jobId, found: false });
    await lease(job, jobId);
    ctx.log.info(`submitted ${job.role}`, { job: job.name, id: jobId });
  };

  /** Two at the same time would submit what is missing twice. */
  let reconciling: Promise<void> = Promise.resolve();
  const reconcile = (): Promise<void> => {
    const next = reconciling.then(submitMissing);
    reconciling = next.catch(() => undefined);
    return next;
  };
  /** Submitting many jobs takes a while, in which the campaign may be cancelled. */
  const isWanted = (): boolean => NODES_WANTED.has(ctx.view.state);
  const submitMissing = async (): Promise<void> => {
    for (const job of liveJobs(ctx.view)) {
      if (!isWanted()) return;
      if (job.jobId === undefined) await submit(job, true);
    }
    for (const role of NODE_ROLES) {
      // Parsers have gone for good once the load is over.
      if (role === "parser" && ctx.view.loadIsOver) continue;
      const target = role === "es-data" ? ctx.view.targets.dataNodes : ctx.view.targets.parsers;
      const live = liveJobs(ctx.view, role).filter((job) => !job.draining && !job.cancelled);
      if (live.length < target && failuresInARow(ctx.view, role) >= MOST_FAILURES) {
        throw new GridError(
          "JOBS_FAIL",
          `${String(MOST_FAILURES)} jobs of the role ${role} in a row failed; nothing more is submitted. Their logs: gridharvest logs ${ctx.record.id} ${[...ctx.view.jobs.values()].filter((j) => j.role === role).at(-1)?.name ?? ""}`,
        );
      }
      for (let missing = target - live.length; missing > 0; missing--) {
        if (!isWanted()) return;
        const numbers = [...ctx.view.jobs.values()]
          .filter((job) => job.role === role)
          .map((job) => jobNumber(job.name));
        const jobName = jobNameOf(ctx.record.tag, role, Math.max(0, ...numbers) + 1);
        await decide(ctx, { type: "submit-intent", jobName, role });
        const job = ctx.view.jobs.get(jobName);
        if (job) await submit(job, false);
      }
      if (live.length > target && role === "parser") {
        const surplus = live.sort((a, b) => jobNumber(b.name) - jobNumber(a.name)).slice(0, live.length - target);
        await drain(surplus, "scaled down");
      }
    }
  };

  const drain = async (jobs: readonly JobView[], reason: string): Promise<void> => {
    for (const job of jobs) {
      if (!job.draining) await decide(ctx, { type: "drain", jobName: job.name, reason });
      await ctx.redis.set(ctx.keys.drain(job.name), reason);
    }
  };

  const cancel = async (jobs: readonly JobView[], reason: string): Promise<void> => {
    // A job whose qsub is under way has no id yet, and is not "never submitted".
    await reconciling;
    for (const job of jobs) {
      if (!job.cancelled) await decide(ctx, { type: "job-cancel", jobName: job.name, reason });
      const id = job.jobId ?? (await findByName(job.name))?.id;
      if (id === undefined) {
        await decide(ctx, { type: "job-ended", jobName: job.name, exit: null, how: "never submitted" });
        continue;
      }
      try {
        await ctx.batch.cancel(id, AbortSignal.timeout(ctx.config.batch.commandTimeout * 1000));
      } catch (error) {
        ctx.log.warn("qdel failed; it will be tried again", { job: job.name, error: describeError(error) });
      }
    }
  };

  const exitFile = async (job: JobView): Promise<number | undefined> => {
    try {
      const text = await readFile(join(jobDirOf(ctx.paths, job.name), "exit-status"), "utf8");
      const code = Number.parseInt(text, 10);
      return Number.isNaN(code) ? undefined : code;
    } catch {
      return undefined;
    }
  };

  /** Two looks at the same time would write each end down twice. */
  let looking: Promise<void> | undefined;
  const poll = (): Promise<void> => {
    looking ??= look().finally(() => (looking = undefined));
    return looking;
  };
  const look = async (): Promise<void> => {
    const jobs = liveJobs(ctx.view).filter((job) => job.jobId !== undefined);
    if (jobs.length === 0) return;
    const found = await ctx.batch.status(
      jobs.flatMap((job) => job.jobId ?? []),
      ctx.signal,
    );
    const beats = await heartbeats();
    for (const job of jobs) {
      const status = found.get(job.jobId ?? "");
      if (status) {
        statuses.set(job.name, status);
        absent.delete(job.name);
        if (status.state !== "finished") continue;
        const exit = status.exitStatus ?? (await exitFile(job)) ?? null;
        await decide(ctx, { type: "job-ended", jobName: job.name, exit, how: job.draining ? "drained" : "finished" });
      } else {
        // Absent is not finished: only the job's own exit status, or silence for a while, says so.
        const exit = await exitFile(job);
        const looks = (absent.get(job.name) ?? 0) + 1;
        absent.set(job.name, looks);
        if (exit === undefined && (beats.has(job.name) || looks < ABSENT_LOOKS)) continue;
        await decide(ctx, {
          type: "job-ended",
          jobName: job.name,
          exit: exit ?? null,
          how: "gone from the batch system",
        });
      }
      const ended = job.ended;
      if (ended && ended.exit !== 0 && !job.draining && !job.cancelled) {
        const text = `job ${job.name} (${job.jobId ?? "?"}) ended with exit status ${String(ended.exit)}: ${await lastWords(job)}`;
        await decide(ctx, { type: "warning", text });
        ctx.log.warn(text);
      }
    }
  };

  /** The last lines of the job's error file, for messages. */
  const lastWords = async (job: JobView): Promise<string> => {
    try {
      const text = await readFile(join(jobDirOf(ctx.paths, job.name), "job.err"), "utf8");
      return text.trimEnd().split("\n").slice(-3).join(" | ").slice(-600);
    } catch {
      return "it wrote no error file";
    }
  };

  /** The address of the host that the batch system gave the job; undefined while it has not said. */
  const leasedAddress = async (job: JobView): Promise<string | undefined> => {
    let status = statuses.get(job.name);
    if (!status || status.hosts.length === 0) {
      const found = await ctx.batch.status(job.jobId === undefined ? [] : [job.jobId], ctx.signal);
      status = found.get(job.jobId ?? "");
      if (status) statuses.set(job.name, status);
    }
    const host = status?.hosts[0];
    return host === undefined ? undefined : (await lookup(host)).address;
  };

  /** Returns false when it cannot be answered yet. */
  const answerJoin = async (request: JoinRequest): Promise<boolean> => {
    const secrets = ctx.secrets;
    if (!secrets) return false;
    const send = (answer: IssuedCertificates): Promise<unknown> =>
      ctx.redis.set(ctx.keys.certificates(request.jobName), JSON.stringify(answer));
    const refuse = async (reason: string): Promise<boolean> => {
      ctx.log.warn("refused an agent", { job: request.jobName, reason });
      await send({ kind: "refused", instance: request.instance, reason });
      return true;
    };
    const job = ctx.view.jobs.get(request.jobName);
    if (!job || job.ended) return refuse("this campaign has no such job");
    // The answer of its qsub may still be on its way.
    if (job.jobId === undefined) return false;
    if (!(await verifyJoin(secrets, request))) return refuse("the request was not signed with the job's own token");
    const sameJob = request.jobId.split(".")[0] === job.jobId.split(".")[0];
    if (!sameJob) return refuse(`the job ${job.name} is ${job.jobId}, not ${request.jobId}`);
    const address = await leasedAddress(job);
    if (address === undefined) return false;
    let issued;
    try {
      issued = await certify(secrets, { role: job.role, jobName: job.name, address, csr: request.csr });
    } catch (error) {
      // A request that cannot be signed must not keep the others waiting.
      return refuse(describeError(error));
    }
    await decide(ctx, { type: "certified", jobName: job.name, address });
    await send({ kind: "issued", instance: request.instance, address, ...issued });
    return true;
  };

  /** What was said last of a request that cannot be answered yet. */
  const troubles = new Map<string, string>();
  const serveJoins = async (): Promise<void> => {
    const entries = await ctx.redis.xrange(ctx.keys.join, joinsFrom === "0-0" ? "-" : `(${joinsFrom}`, "+");
    let allAnswered = true;
    for (const [id, fields] of entries) {
      if (!answered.has(id)) {
        try {
          const parsed = joinRequestSchema.safeParse(parseJson(fields[1]));
          // After an adoption the stream is read from its start: what has its answer keeps it.
          const done = parsed.success && (await isAnswered(parsed.data));
          if (!parsed.success || done || (await answerJoin(parsed.data))) answered.add(id);
          else allAnswered = false;
        } catch (error) {
          // Say, a host whose name cannot be resolved: the agents behind it are answered all the same.
          ctx.signal.throwIfAborted();
          allAnswered = false;
          const text = describeError(error);
          if (troubles.get(id) !== text) ctx.log.warn("an agent cannot be answered yet", { request: id, error: text });
          troubles.set(id, text);
        }
      }
      if (allAnswered) joinsFrom = id;
    }
  };

  const isAnswered = async (request: JoinRequest): Promise<boolean> => {
    const answer = await ctx.redis.get(ctx.keys.certificates(request.jobName));
    return (
      answer !== null && (parseJson(answer) as Partial<IssuedCertificates> | undefined)?.instance === request.instance
    );
  };

  const registrations = async (): Promise<ReadonlyMap<string, NodeRegistration>> => {
    const all = await ctx.redis.hgetall(ctx.keys.nodes);
    const map = new Map<string, NodeRegistration>();
    for (const [jobName, text] of Object.entries(all)) {
      const parsed = nodeRegistrationSchema.safeParse(parseJson(text));
      if (parsed.success && ctx.view.jobs.get(jobName)?.ended === undefined) map.set(jobName, parsed.data);
    }
    return map;
  };

  const heartbeats = async (): Promise<ReadonlyMap<string, Heartbeat>> => {
    const names = liveJobs(ctx.view).map((job) => job.name);
    const map = new Map<string, Heartbeat>();
    if (names.length === 0) return map;
    const texts = await ctx.redis.mget(names.map((name) => ctx.keys.heartbeat(name)));
    texts.forEach((text, i) => {
      const name = names[i];
      if (text === null || name === undefined) return;
      const parsed = heartbeatSchema.safeParse(parseJson(text));
      if (!parsed.success) return;
      map.set(name, parsed.data);
      const seen = usage.get(name) ?? { rssBytes: 0, cpuSeconds: 0 };
      usage.set(name, {
        rssBytes: Math.max(seen.rssBytes, parsed.data.rssBytes),
        cpuSeconds: Math.max(seen.cpuSeconds, parsed.data.cpuSeconds),
      });
    });
    return map;
  };

  return {
    reconcile,
    poll,
    serveJoins,
    drain,
    cancel,
    registrations,
    heartbeats,
    lastStatus: (name) => statuses.get(name),
    usage,
  };
}
