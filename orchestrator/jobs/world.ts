import type { BatchSystem } from "../../pbs/batch-system.ts";
import type { Heartbeat, NodeRegistration } from "../../worker/contract/node.ts";
import type { NodeRole } from "../../worker/contract/keys.ts";
import type { CampaignState } from "../campaign.ts";
import type { JournalEntry } from "../journal.ts";
import type { Log } from "../log.ts";
import type { CampaignView, JobView } from "../view.ts";
import type { JobFiles } from "./files.ts";
import type { JobPolicy } from "./policy.ts";
import type { StoreSight } from "./steer.ts";

/** Everything outside that looking after jobs needs. The journal comes first in all of it. */
export interface JobWorld {
  /** Part of every job's name: `gh-<tag>-…`. */
  readonly tag: string;
  readonly view: CampaignView;
  readonly policy: JobPolicy;
  readonly batch: Pick<BatchSystem, "submit" | "status" | "list" | "cancel">;
  readonly files: JobFiles;
  readonly agents: AgentLine;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Epoch milliseconds. */
  now(): number;
  /** Writes a decision down and makes it part of the view. */
  decide(entry: JournalEntry): Promise<void>;
  /** Whether jobs can be submitted: their secrets and the gateway are there. */
  ready(): boolean;
  /**
   * Excludes exactly these data nodes from allocation, then counts the shards of all.
   * @returns undefined before there is a cluster. @throws when it does not answer
   */
  store(excluded: readonly string[]): Promise<StoreSight | undefined>;
}

/** What the orchestrator and the agents tell each other through Redis. */
export interface AgentLine {
  /** By job name. */
  registrations(): Promise<ReadonlyMap<string, NodeRegistration>>;
  /** Those of live jobs that still count. */
  heartbeats(): Promise<ReadonlyMap<string, Heartbeat>>;
  lease(job: JobView, jobId: string): Promise<void>;
  askToDrain(jobName: string, reason: string): Promise<void>;
  /** Takes a node off the list that parsers send to. */
  withdraw(jobName: string): Promise<void>;
  /** Takes back what an agent of the job said, so that another one may have its name: the instance's, or that of one that beats no more. */
  forgetLife(jobName: string, instance: string | undefined): Promise<void>;
}

/** The roles whose jobs are looked after in a state. Parsers end with the load; data nodes as long as the cluster is up. */
export function rolesOf(state: CampaignState): readonly NodeRole[] {
  switch (state) {
    case "booting":
    case "running":
    case "paused":
      return ["es-data", "parser"];
    case "finishing":
    case "restoring":
    case "serving":
    case "held":
      return ["es-data"];
    case "planned":
    case "tearing-down":
    case "done":
    case "failed":
    case "cancelled":
      return [];
  }
}
