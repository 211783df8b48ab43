import { BackfillError, GridError } from "../worker/contract/errors.ts";
import type {
  Argv,
  BatchSystem,
  CommandResult,
  CommandRunner,
  DryRun,
  JobSpec,
  JobStatus,
  NodeStatus,
  PbsDialect,
} from "./batch-system.ts";
import { noAnswer } from "./answer.ts";
import { resolveId } from "./job-id.ts";
import { pickHost } from "./pick-host.ts";

/**
 * A batch system from its dialect and a way to run commands. Every command stands under the time limit.
 * @param user whose jobs `list` gives; all jobs when absent
 */
export function pbsBatchSystem(
  dialect: PbsDialect,
  runner: CommandRunner,
  timeoutSeconds: number,
  user?: string,
): BatchSystem {
  const run = (argv: Argv, signal: AbortSignal): Promise<CommandResult> => runner.run(argv, { timeoutSeconds, signal });
  /** The first format that this batch system is not known to lack. */
  let firstFormat = 0;
  /** How often each host was named for a job. */
  const named = new Map<string, number>();

  const ask = async (ids: readonly string[], signal: AbortSignal): Promise<readonly JobStatus[]> => {
    let out: CommandResult | undefined;
    for (const [i, format] of dialect.statusFormats.entries()) {
      if (i < firstFormat) continue;
      out = await run(format.argv(ids), signal);
      const statuses = format.parse(out);
      if (typeof statuses !== "string") return statuses;
      if (statuses === "unsupported" && i === firstFormat && i + 1 < dialect.statusFormats.length) firstFormat += 1;
    }
    throw noAnswer(out ?? { argv: ["qstat"], code: 0, stdout: "", stderr: "" });
  };

  const refine = async (statuses: readonly JobStatus[], signal: AbortSignal): Promise<readonly JobStatus[]> => {
    const { details } = dialect;
    if (!details || statuses.length === 0) return statuses;
    try {
      const out = await run(details.argv(statuses.map(({ id }) => id)), signal);
      return details.refine(statuses, out);
    } catch (error) {
      if (error instanceof BackfillError && error.code === "COMMAND_MISSING") return statuses;
      throw error;
    }
  };

  const submitAs = async (spec: JobSpec, argv: Argv, signal: AbortSignal): Promise<string> => {
    signal.throwIfAborted();
    let out: CommandResult;
    try {
      out = await run(argv, signal);
    } catch (error) {
      if (error instanceof BackfillError && !error.retryable) throw error;
      throw new GridError(
        "QSUB_UNANSWERED",
        `qsub of ${spec.name} did not answer; whether it submitted is found out by looking for the name`,
        { retryable: true, cause: error, context: { job: spec.name } },
      );
    }
    return dialect.parseSubmit(out);
  };

  const list = async (signal: AbortSignal): Promise<readonly JobStatus[]> => {
    const jobs = await ask([], signal);
    return refine(
      jobs.filter(({ owner }) => user === undefined || owner === undefined || owner === user),
      signal,
    );
  };

  const status = async (ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, JobStatus>> => {
    const found = new Map<string, JobStatus>();
    const asked = ids.filter((id) => dialect.isJobId(id));
    if (asked.length === 0) return found;
    const wanted = (await ask(asked, signal)).filter(({ id }) => resolveId(id, asked) !== undefined);
    for (const status of await refine(wanted, signal)) {
      // A server may print an id with another suffix than qsub did.
      const id = resolveId(status.id, asked);
      if (id !== undefined) found.set(id, { ...status, id });
    }
    return found;
  };

  const cancel = async (id: string, signal: AbortSignal): Promise<void> => {
    if (!dialect.isJobId(id)) {
      throw new GridError(
        "QDEL_FAILED",
        `${id} is no job id of ${dialect.name}, so it was not deleted; was batch.system changed while it ran?`,
        { context: { id } },
      );
    }
    dialect.parseCancel(await run(dialect.cancelArgv(id), signal));
  };

  const nodes = async (signal: AbortSignal): Promise<readonly NodeStatus[]> =>
    dialect.parseNodes(await run(dialect.nodesArgv(), signal));

  /** Submits the job held and takes it away again. */
  const heldRun = async (spec: JobSpec, signal: AbortSignal): Promise<DryRun> => {
    let id: string | undefined;
    try {
      id = await submitAs(spec, dialect.submitArgv(spec, true), signal);
      const job = (await status([id], signal)).get(id);
      const where = job?.queue === undefined ? "" : ` in queue ${job.queue}`;
      return { accepted: true, text: `accepted${where}, held as ${id} and deleted` };
    } catch (error) {
      if (!(error instanceof BackfillError)) throw error;
      if (error.code === "QSUB_REFUSED" && !error.retryable) return { accepted: false, text: error.message };
      if (error.code === "QSUB_UNANSWERED") {
        // Only a held one can be ours; a job of that name may be at work.
        const ours = (job: JobStatus): boolean => job.name === spec.name && job.state === "held";
        id = (await list(signal)).find(ours)?.id;
      }
      throw error;
    } finally {
      if (id !== undefined) await cancel(id, signal);
    }
  };

  return {
    dialect,

    async place(spec, signal) {
      if (dialect.excludesHosts === "directive" || !spec.excludeHosts?.length || spec.host !== undefined) return spec;
      const all = await nodes(signal);
      const host = pickHost(all, spec, named);
      if (host === undefined) {
        const seen = all.map(({ name, rawState, slots }) => `${name} (${rawState}, ${String(slots)} slots)`);
        throw new GridError(
          "HOSTS_EXCLUDED",
          `no host is left for ${spec.name}: ${spec.excludeHosts.join(", ")} excluded of ${seen.join(", ") || "none"}; wait for a host, or allow one again`,
          { retryable: true, context: { job: spec.name } },
        );
      }
      named.set(host, (named.get(host) ?? 0) + 1);
      return { ...spec, host };
    },

    submit: (spec, signal) => submitAs(spec, dialect.submitArgv(spec), signal),
    status,
    list,
    cancel,
    nodes,

    async limits(queue, signal) {
      const queues = dialect.parseLimits(await run(dialect.limitsArgv(), signal));
      if (queue !== undefined) return queues.find((one) => one.queue === queue);
      const marked = queues.find(({ isDefault }) => isDefault);
      if (marked || !dialect.defaultQueue) return marked;
      const name = dialect.defaultQueue.parse(await run(dialect.defaultQueue.argv(), signal));
      const found = queues.find((one) => one.queue === name);
      return found && { ...found, isDefault: true };
    },

    async dryRun(spec, signal) {
      if (dialect.dryRun === "held") return heldRun(spec, signal);
      return dialect.test?.parse(await run(dialect.test.argv(spec), signal));
    },
  };
}
