import type { NodeRole } from "../worker/contract/keys.ts";
import type { CampaignOutcome, CampaignState } from "./campaign.ts";
import { outcomeOf } from "./campaign.ts";
import type { JournalRecord } from "./journal.ts";

/** What the journal says of one job. */
export interface JobView {
  readonly name: string;
  readonly role: NodeRole;
  readonly intentAt: number;
  jobId?: string;
  submittedAt?: number;
  address?: string;
  certifiedAt?: number;
  draining: boolean;
  cancelled: boolean;
  refused?: string;
  ended?: { readonly at: number; readonly exit: number | null; readonly how: string };
}

/** The steps of finishing, in order. Checking again after a hold does them again. */
export const FINISH_STEPS = [
  "drain-parsers",
  "revoke-loader",
  "sweep",
  "refresh",
  "reconcile",
  "export",
  "serving-settings",
  "snapshot",
  "verify-snapshot",
  "finished",
] as const;
export type FinishStep = (typeof FINISH_STEPS)[number];

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
  /** Until when the operator lets it serve; absent while the first word on it holds. */
  servesUntil?: number;
  readonly jobs: Map<string, JobView>;
  readonly steps: Map<string, StepView>;
  /** When each state was entered, in order. */
  readonly states: { readonly state: CampaignState; readonly at: number; readonly reason?: string }[];
  readonly warnings: string[];
  /** Parsers were told to go for good and their credential is revoked, or about to be: nothing can be loaded any more. */
  loadIsOver: boolean;
  /** Stream id of the last command that was taken up. */
  lastCommand: string;
  /** How often an orchestrator took the campaign up. */
  owners: number;
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
      if (record.event === "retry") for (const name of FINISH_STEPS) view.steps.delete(name);
      return;
    }
    case "target":
      view.targets = { dataNodes: record.dataNodes, parsers: record.parsers };
      return;
    case "serve-until":
      view.servesUntil = record.until;
      return;
    case "submit-intent":
      view.jobs.set(record.jobName, {
        name: record.jobName,
        role: record.role,
        intentAt: record.at,
        draining: false,
        cancelled: false,
      });
      return;
    case "submitted": {
      const job = view.jobs.get(record.jobName);
      if (job) Object.assign(job, { jobId: record.jobId, submittedAt: record.at });
      return;
    }
    case "submit-refused": {
      const job = view.jobs.get(record.jobName);
      if (job) Object.assign(job, { refused: record.reason, ended: { at: record.at, exit: null, how: "refused" } });
      return;
    }
    case "certified": {
      const job = view.jobs.get(record.jobName);
      if (job) Object.assign(job, { address: record.address, certifiedAt: record.at });
      return;
    }
    case "drain": {
      const job = view.jobs.get(record.jobName);
      if (job) job.draining = true;
      return;
    }
    case "job-cancel": {
      const job = view.jobs.get(record.jobName);
      if (job) job.cancelled = true;
      return;
    }
    case "job-ended": {
      const job = view.jobs.get(record.jobName);
      if (job) job.ended = { at: record.at, exit: record.exit, how: record.how };
      return;
    }
    case "command":
      view.lastCommand = record.id;
      return;
    case "step": {
      const step = view.steps.get(record.name);
      if (record.name === "drain-parsers") view.loadIsOver = true;
      if (record.status === "started") view.steps.set(record.name, { name: record.name, startedAt: record.at });
      else if (step) Object.assign(step, { doneAt: record.at, result: record.result });
      return;
    }
    case "warning":
      view.warnings.push(record.text);
      return;
  }
}

export function emptyView(): CampaignView {
  return {
    state: "planned",
    createdAt: 0,
    targets: { dataNodes: 0, parsers: 0 },
    jobs: new Map(),
    steps: new Map(),
    states: [],
    warnings: [],
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

/** Jobs that were asked for and have not ended. */
export function liveJobs(view: CampaignView, role?: NodeRole): JobView[] {
  return [...view.jobs.values()].filter((job) => job.ended === undefined && (role === undefined || job.role === role));
}
