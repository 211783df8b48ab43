import type { NodeRole } from "../worker/contract/keys.ts";
import type { Order } from "../worker/contract/spool.ts";
import type { Budgets } from "../worker/contract/tuning.ts";
import type { CampaignOutcome, CampaignState } from "./campaign.ts";
import { outcomeOf } from "./campaign.ts";
import type { JournalRecord } from "./journal.ts";
import { reloadText, type PutBack, type Shard } from "./loss/record.ts";

/**
 * What the journal says of one job. Times are epoch milliseconds.
 *
 * *asked for* (`intentAt`) → *submitted* → *started* → *certified* → *up* → for a data node *leaving* (excluded from
 * allocation), then *released* (empty) → *draining* → *cancelled* (qdel) → *ended*. Each but the last can be skipped; *lost* is a job
 * that the batch system still lists though its node is dead.
 */
export interface JobView {
  readonly name: string;
  readonly role: NodeRole;
  readonly intentAt: number;
  /** The job whose place this one takes. */
  readonly replaces?: string;
  jobId?: string;
  submittedAt?: number;
  /** Why nobody knows whether it was submitted; absent once that is known. */
  unanswered?: string;
  /** As the batch system tells it. */
  queuedAt?: number;
  startedAt?: number;
  /** What the batch system said of this run: another one under the same id says something else. */
  told?: { readonly startedAt?: number; readonly restarts?: number };
  hosts: readonly string[];
  address?: string;
  certifiedAt?: number;
  /** The agent that was certified last. */
  instance?: string;
  /** When the node worked for the first time in this life. */
  upAt?: number;
  leaving?: { readonly at: number; readonly reason: string; readonly shards: number; readonly bytes: number };
  releasedAt?: number;
  draining: boolean;
  drainingAt?: number;
  cancelled: boolean;
  cancelledAt?: number;
  cancelReason?: string;
  refused?: string;
  lost?: { readonly at: number; readonly how: string };
  /** Earlier lives of a job that was requeued. */
  readonly pastLives: {
    readonly startedAt?: number;
    readonly endedAt: number;
    readonly up: boolean;
    readonly how: string;
  }[];
  ended?: { readonly at: number; readonly exit: number | null; readonly how: string };
}

/** How long it took to empty a data node. */
export interface ShardMove {
  readonly jobName: string;
  readonly seconds: number;
  readonly shards: number;
  readonly bytes: number;
}

/** Why no jobs of a role are submitted, and when one is to try whether that is over. */
export interface BreakerView {
  readonly openedAt: number;
  readonly probeAt: number;
  readonly reason: string;
  /** How often it was opened since jobs of the role last came up. */
  readonly times: number;
}

/** Shards that went with data nodes, and what is loaded again for them. */
export interface Reload {
  readonly at: number;
  /** Names of the jobs whose nodes went. */
  readonly nodes: readonly string[];
  readonly shards: readonly Shard[];
  /** Absent until what was lost waits in the spool again. */
  done?: PutBack & { readonly at: number };
}

/** The steps of finishing, in order. Checking again after a hold does them again. */
export const FINISH_STEPS = [
  "drain-parsers",
  "revoke-loader",
  "sweep",
  "refresh",
  "reconcile",
  "export",
  "merge-segments",
  "serving-settings",
  "snapshot",
  "verify-snapshot",
  "drop-earlier-snapshots",
  "allow-writes",
  "finished",
] as const;
export type FinishStep = (typeof FINISH_STEPS)[number];

/** The step that measures what the load has cost. */
export const LOAD_END = "load-end";

export interface StepView {
  readonly name: string;
  readonly startedAt: number;
  doneAt?: number;
  result?: unknown;
}

/** A campaign as its journal tells it. Rebuilt by folding; nothing in it is kept anywhere else. */
export interface CampaignView {
  state: CampaignState;
  outcome?: CampaignOutcome;
  reason?: string;
  createdAt: number;
  plan?: string;
  targets: { dataNodes: number; parsers: number };
  /** When the targets were changed last, and why. */
  targetsSet?: { readonly at: number; readonly reason?: string };
  /** What the operator said last of its node-hours; absent while the configuration's word holds. */
  budget?: { readonly nodeHours: number | null };
  budgetReachedAt?: number;
  /** What the operator said last of how fast it may load, and when; absent while the configuration's word holds. */
  limits?: {
    readonly eventsPerSecond: number;
    readonly bytesPerSecond: number;
    readonly window: string | null;
    readonly order?: Order;
    readonly weight?: number;
  };
  /** The operator paused it, and has not resumed it since. */
  pausedByOperator: boolean;
  /** The tuner's last decision; absent while the configuration's numbers hold. */
  tuned?: Budgets & { readonly at: number; readonly reason: string };
  /** Until when the operator lets it serve; absent while the first word on it holds. */
  servesUntil?: number;
  readonly jobs: Map<string, JobView>;
  readonly moves: ShardMove[];
  /** In the order of time; at most the last one is not done. */
  readonly reloads: Reload[];
  /** How often it went back to loading after its end, for rejected documents. */
  replays: number;
  /** The open ones. */
  readonly breakers: Map<NodeRole, BreakerView>;
  /** When a breaker was closed last: earlier failures do not count any more. */
  readonly breakersClosedAt: Map<NodeRole, number>;
  /** By host; also those that are over. */
  readonly quarantine: Map<string, { readonly at: number; readonly until: number; readonly reason: string }>;
  readonly steps: Map<string, StepView>;
  /** When each state was entered, in order. */
  readonly states: { readonly state: CampaignState; readonly at: number; readonly reason?: string }[];
  readonly warnings: string[];
  /** Number of the last change of state that was told to whoever wants to know. */
  notifiedUpTo: number;
  /** Parsers were told to go for good and their credential is revoked, or about to be: nothing can be loaded any more. */
  loadIsOver: boolean;
  /** Stream id of the last command that was taken up. */
  lastCommand: string;
  /** How often an orchestrator took the campaign up. */
  owners: number;
}

/** Whether no parser can commit or write anything any more: its documents and ledger rows are all there will be. */
export function isLoadSettled(view: CampaignView): boolean {
  return view.loadIsOver && view.steps.get("revoke-loader")?.doneAt !== undefined;
}

/** Folds one record into the view. */
export function applyRecord(view: CampaignView, record: JournalRecord): void {
  switch (record.type) {
    case "created":
      view.createdAt = record.at;
      view.plan = record.plan;
      view.states.push({ state: "planned", at: record.at });
      return;
    case "owned":
      view.owners += 1;
      return;
    case "transition": {
      const outcome = outcomeOf(record.from, record.event);
      if (outcome !== undefined) view.outcome = outcome;
      view.state = record.to;
      // A reason is that of the state it led to; only the end keeps why the teardown began.
      if (record.reason !== undefined) view.reason = record.reason;
      else if (record.from !== "tearing-down") delete view.reason;
      view.states.push({
        state: record.to,
        at: record.at,
        ...(record.reason === undefined ? {} : { reason: record.reason }),
      });
      if (record.event === "replay") view.replays += 1;
      const loadsAgain = record.event === "reload" || record.event === "replay";
      if (record.event === "retry" || loadsAgain) {
        for (const name of FINISH_STEPS) view.steps.delete(name);
      }
      if (loadsAgain) {
        view.steps.delete(LOAD_END);
        view.loadIsOver = false;
      }
      return;
    }
    case "target":
      view.targets = { dataNodes: record.dataNodes, parsers: record.parsers };
      view.targetsSet = { at: record.at, ...(record.reason === undefined ? {} : { reason: record.reason }) };
      return;
    case "budget":
      view.budget = { nodeHours: record.nodeHours };
      delete view.budgetReachedAt;
      return;
    case "budget-reached":
      view.budgetReachedAt = record.at;
      view.warnings.push(
        `the budget of ${String(record.nodeHours)} node-hours is spent (${record.spent.toFixed(2)}): nothing more is submitted, nodes that run go on`,
      );
      return;
    case "shards-lost":
      view.reloads.push({ at: record.at, nodes: record.nodes, shards: record.shards });
      return;
    case "put-back": {
      const reload = openReload(view);
      if (!reload) return;
      const { at, attempts, chunks, documents, bytes } = record;
      reload.done = { at, attempts, chunks, documents, bytes };
      view.warnings.push(reloadText(reload));
      return;
    }
    case "limits": {
      const { eventsPerSecond, bytesPerSecond, window, order, weight } = record;
      const said = { ...(order === undefined ? {} : { order }), ...(weight === undefined ? {} : { weight }) };
      view.limits = { eventsPerSecond, bytesPerSecond, window, ...said };
      return;
    }
    case "tuned": {
      const { at, bulkBytes, requestsInFlight, compressed, reason } = record;
      view.tuned = { at, bulkBytes, requestsInFlight, compressed, reason };
      return;
    }
    case "serve-until":
      view.servesUntil = record.until;
      return;
    case "submit-intent":
      view.jobs.set(record.jobName, {
        name: record.jobName,
        role: record.role,
        intentAt: record.at,
        ...(record.replaces === undefined ? {} : { replaces: record.replaces }),
        hosts: [],
        draining: false,
        cancelled: false,
        pastLives: [],
      });
      return;
    case "quarantine":
      view.quarantine.set(record.host, { at: record.at, until: record.until, reason: record.reason });
      return;
    case "breaker": {
      if (record.state === "closed") {
        view.breakers.delete(record.role);
        view.breakersClosedAt.set(record.role, record.at);
        return;
      }
      const before = view.breakers.get(record.role);
      view.breakers.set(record.role, {
        openedAt: before?.openedAt ?? record.at,
        probeAt: record.probeAt ?? record.at,
        reason: record.reason,
        times: (before?.times ?? 0) + 1,
      });
      return;
    }
    case "submitted":
    case "submit-unanswered":
    case "submit-refused":
    case "started":
    case "certified":
    case "node-up":
    case "exclude":
    case "release":
    case "drain":
    case "job-cancel":
    case "job-lost":
    case "requeued":
    case "job-ended": {
      const job = view.jobs.get(record.jobName);
      if (job) applyToJob(view, job, record);
      return;
    }
    case "command":
      view.lastCommand = record.id;
      if (record.command === "pause" || record.command === "resume") view.pausedByOperator = record.command === "pause";
      return;
    case "step": {
      const step = view.steps.get(record.name);
      if (record.name === "drain-parsers") view.loadIsOver = true;
      if (record.status === "started") view.steps.set(record.name, { name: record.name, startedAt: record.at });
      else if (step) Object.assign(step, { doneAt: record.at, result: record.result });
      return;
    }
    case "notify":
      view.notifiedUpTo = record.transition;
      return;
    case "warning":
      view.warnings.push(record.text);
      return;
  }
}

type JobRecord = Extract<JournalRecord, { readonly jobName: string }>;

function applyToJob(view: CampaignView, job: JobView, record: Exclude<JobRecord, { type: "submit-intent" }>): void {
  const { at } = record;
  switch (record.type) {
    case "submitted":
      job.jobId = record.jobId;
      job.submittedAt = at;
      delete job.unanswered;
      return;
    case "submit-unanswered":
      job.unanswered = record.reason;
      return;
    case "submit-refused":
      job.refused = record.reason;
      job.ended = { at, exit: null, how: "refused" };
      return;
    case "started":
      job.startedAt = record.startedAt;
      job.hosts = record.hosts;
      if (record.told !== undefined) job.told = record.told;
      if (record.queuedAt !== undefined) job.queuedAt = record.queuedAt;
      return;
    case "certified":
      job.address = record.address;
      job.certifiedAt = at;
      if (record.instance !== undefined) job.instance = record.instance;
      return;
    case "node-up":
      job.upAt = at;
      return;
    case "exclude":
      job.leaving = { at, reason: record.reason, shards: record.shards, bytes: record.bytes };
      return;
    case "release":
      job.releasedAt = at;
      if (job.leaving) {
        const { shards, bytes } = job.leaving;
        view.moves.push({ jobName: job.name, seconds: (at - job.leaving.at) / 1000, shards, bytes });
      }
      return;
    case "drain":
      job.draining = true;
      job.drainingAt ??= at;
      return;
    case "job-cancel":
      job.cancelled = true;
      job.cancelledAt ??= at;
      job.cancelReason ??= record.reason;
      return;
    case "job-lost":
      job.lost = { at, how: record.how };
      return;
    case "requeued":
      job.pastLives.push({
        ...(job.startedAt === undefined ? {} : { startedAt: job.startedAt }),
        endedAt: at,
        up: job.upAt !== undefined,
        how: record.how,
      });
      job.hosts = [];
      delete job.startedAt;
      delete job.told;
      delete job.address;
      delete job.certifiedAt;
      delete job.instance;
      delete job.upAt;
      // Its shards are gone: there is nothing to move away.
      delete job.leaving;
      delete job.releasedAt;
      return;
    case "job-ended":
      job.ended = { at, exit: record.exit, how: record.how };
      return;
  }
}

export function emptyView(): CampaignView {
  return {
    state: "planned",
    createdAt: 0,
    targets: { dataNodes: 0, parsers: 0 },
    jobs: new Map(),
    moves: [],
    reloads: [],
    replays: 0,
    breakers: new Map(),
    breakersClosedAt: new Map(),
    quarantine: new Map(),
    steps: new Map(),
    states: [],
    warnings: [],
    notifiedUpTo: 0,
    pausedByOperator: false,
    loadIsOver: false,
    lastCommand: "0-0",
    owners: 0,
  };
}

/** The whole fold. */
export function viewOf(records: readonly JournalRecord[]): CampaignView {
  const view = emptyView();
  for (const record of records) applyRecord(view, record);
  return view;
}

/** The loss whose documents do not wait in the spool yet; undefined when there is none. */
export function openReload(view: CampaignView): Reload | undefined {
  const last = view.reloads.at(-1);
  return last?.done === undefined ? last : undefined;
}

/** Jobs that were asked for and have not ended. */
export function liveJobs(view: CampaignView, role?: NodeRole): JobView[] {
  return [...view.jobs.values()].filter((job) => job.ended === undefined && (role === undefined || job.role === role));
}
