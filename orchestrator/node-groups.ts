import type { JobStatus } from "../pbs/batch-system.ts";
import type { Heartbeat, NodeRegistration } from "../worker/contract/node.ts";
import { decide, type CampaignContext } from "./context.ts";
import { createAgents, type JobUsage } from "./jobs/agents.ts";
import { createJobFiles } from "./jobs/files.ts";
import { createJoins } from "./jobs/joins.ts";
import { createJobKeeper } from "./jobs/keeper.ts";
import { jobPolicyOf } from "./jobs/policy.ts";
import type { StoreSight } from "./jobs/steer.ts";
import type { NodeInputs } from "./node-specs.ts";
import type { JobView } from "./view.ts";

/**
 * Node groups: so many jobs of each role, kept up for as long as the campaign needs them. The parts stand in `jobs/`: `look.ts` finds
 * out what became of each job, `steer.ts` decides what to do, `keeper.ts` does it.
 */
export interface NodeGroups {
  /** Looks at all jobs, then submits, replaces and lets go of nodes until the journal's targets are met. */
  reconcile(): Promise<void>;
  /** Looks at all live jobs once; ended ones go to the journal. */
  poll(): Promise<void>;
  /** Answers the agents that ask for certificates. */
  serveJoins(): Promise<void>;
  /** Asks the jobs to drain through Redis. */
  drain(jobs: readonly JobView[], reason: string): Promise<void>;
  /** qdel, for jobs that did not end by themselves. */
  cancel(jobs: readonly JobView[], reason: string): Promise<void>;
  /** Deletes jobs of the campaign's that the journal does not know. @returns whether there was none */
  sweep(): Promise<boolean>;
  registrations(): Promise<ReadonlyMap<string, NodeRegistration>>;
  heartbeats(): Promise<ReadonlyMap<string, Heartbeat>>;
  /** What the batch system said last, by job name. */
  lastStatus(jobName: string): JobStatus | undefined;
  /** What each data node held at the last look, by job name. */
  holdings(): Readonly<Record<string, { readonly shards: number; readonly bytes: number }>>;
  /** What Elasticsearch said at the last look; undefined when it did not answer. */
  store(): StoreSight | undefined;
  /** Highest resident memory and CPU seconds seen of each job. */
  readonly usage: ReadonlyMap<string, JobUsage>;
}

export function createNodeGroups(ctx: CampaignContext, inputs: () => NodeInputs): NodeGroups {
  const agents = createAgents(ctx);
  const keeper = createJobKeeper({
    tag: ctx.record.tag,
    view: ctx.view,
    policy: jobPolicyOf(ctx.config),
    batch: ctx.batch,
    files: createJobFiles(ctx, inputs),
    agents,
    log: ctx.log,
    signal: ctx.signal,
    now: () => Date.now(),
    decide: (entry) => decide(ctx, entry),
    ready: () => ctx.secrets !== undefined && ctx.gateway !== undefined,
    store: async (excluded) => ctx.cluster?.exclude(excluded),
  });
  const joins = createJoins(ctx, keeper.statuses);
  return {
    reconcile: () => keeper.round(),
    poll: () => keeper.look(),
    serveJoins: () => joins.serve(),
    drain: (jobs, reason) => keeper.drain(jobs, reason),
    cancel: (jobs, reason) => keeper.cancel(jobs, reason),
    sweep: () => keeper.sweep(),
    registrations: () => agents.registrations(),
    heartbeats: () => agents.heartbeats(),
    lastStatus: (name) => keeper.statuses.get(name),
    holdings: () => Object.fromEntries(keeper.store()?.nodes ?? []),
    store: () => keeper.store(),
    usage: agents.usage,
  };
}
