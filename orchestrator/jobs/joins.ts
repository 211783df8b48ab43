import type { JobStatus } from "../../pbs/batch-system.ts";
import { describeError } from "../../worker/contract/errors.ts";
import { parseJson } from "../../worker/contract/json.ts";
import { joinRequestSchema, type IssuedCertificates, type JoinRequest } from "../../worker/contract/node.ts";
import { decide, type CampaignContext } from "../context.ts";
import { nodeAddress, parseRange, resolveHost, type AddressAnswer } from "../node-address.ts";
import { certify, verifyJoin } from "../security/index.ts";
import { liveJobs, type JobView } from "../view.ts";

/** Answers agents that ask for certificates. */
export interface Joins {
  /** Answers what can be answered now. */
  serve(): Promise<void>;
}

/** @param statuses what the batch system said last, by job name; completed here when a host is missing */
export function createJoins(ctx: CampaignContext, statuses: Map<string, JobStatus>): Joins {
  const answered = new Set<string>();
  let joinsFrom = "0-0";

  /** The host that the batch system gave the job; undefined while it has not said. */
  const leasedHost = async (job: JobView): Promise<string | undefined> => {
    let status = statuses.get(job.name);
    if (!status || status.hosts.length === 0) {
      const found = await ctx.batch.status(job.jobId === undefined ? [] : [job.jobId], ctx.signal);
      status = found.get(job.jobId ?? "");
      if (status) statuses.set(job.name, status);
    }
    return status?.hosts[0];
  };

  /** What to certify a job for: see `nodeAddress`. */
  const addressOf = async (job: JobView, announced: readonly string[]): Promise<AddressAnswer> => {
    const host = await leasedHost(job);
    const { range } = ctx.config.network;
    // Where the range says which address counts, names need not be known here; the grid's often are not.
    const resolve = range === undefined ? resolveHost : (name: string) => resolveHost(name).catch(() => []);
    return nodeAddress({
      range: range === undefined ? undefined : parseRange(range),
      announced,
      host,
      resolved: host === undefined ? [] : await resolve(host),
      others: liveJobs(ctx.view)
        .filter((other) => other.name !== job.name && other.address !== undefined)
        .map((other) => ({
          jobName: other.name,
          host: statuses.get(other.name)?.hosts[0],
          address: other.address ?? "",
        })),
    });
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
    if (job.lost) return refuse(`the node of ${job.name} was given up: ${job.lost.how}`);
    // A data node that is about to be deleted must not be given shards.
    if (job.cancelled) return refuse(`the job ${job.name} is being deleted`);
    // The answer of its qsub may still be on its way.
    if (job.jobId === undefined) return false;
    if (!(await verifyJoin(secrets, request))) return refuse("the request was not signed with the job's own token");
    const sameJob = request.jobId.split(".")[0] === job.jobId.split(".")[0];
    if (!sameJob) return refuse(`the job ${job.name} is ${job.jobId}, not ${request.jobId}`);
    const answer = await addressOf(job, request.addresses);
    if (answer.kind === "unknown") return false;
    if (answer.kind === "refused") return refuse(answer.reason);
    const { address } = answer;
    let issued;
    try {
      issued = await certify(secrets, { role: job.role, jobName: job.name, address, csr: request.csr });
    } catch (error) {
      // A request that cannot be signed must not keep the others waiting.
      return refuse(describeError(error));
    }
    await decide(ctx, { type: "certified", jobName: job.name, address, instance: request.instance });
    await send({ kind: "issued", instance: request.instance, address, ...issued });
    return true;
  };

  const isAnswered = async (request: JoinRequest): Promise<boolean> => {
    const answer = await ctx.redis.get(ctx.keys.certificates(request.jobName));
    return (
      answer !== null && (parseJson(answer) as Partial<IssuedCertificates> | undefined)?.instance === request.instance
    );
  };

  /** What was said last of a request that cannot be answered yet. */
  const troubles = new Map<string, string>();
  return {
    async serve() {
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
            if (troubles.get(id) !== text)
              ctx.log.warn("an agent cannot be answered yet", { request: id, error: text });
            troubles.set(id, text);
          }
        }
        if (allAnswered) joinsFrom = id;
      }
    },
  };
}
