import { join } from "node:path";

/** Where everything stands below the state directory: the one place that makes these names. */
export interface StatePaths {
  readonly stateDir: string;
  readonly runtimes: string;
  readonly services: string;
  readonly batch: string;
  readonly campaigns: string;
  readonly scratch: string;
  readonly snapshots: string;
  /** The standard grok banks, as they were read from Elasticsearch's jar. */
  readonly grokBanks: string;
}

export function statePaths(stateDir: string): StatePaths {
  return {
    stateDir,
    runtimes: join(stateDir, "runtimes"),
    services: join(stateDir, "services"),
    batch: join(stateDir, "batch"),
    campaigns: join(stateDir, "campaigns"),
    scratch: join(stateDir, "scratch"),
    snapshots: join(stateDir, "snapshots"),
    grokBanks: join(stateDir, "grok-banks.json"),
  };
}

/** The manifest's name in its campaign's directory, by which the report beside it calls it. */
export const MANIFEST = "manifest.json";

/** The files of one campaign. The directory outlives everything else of it. */
export interface CampaignPaths {
  readonly dir: string;
  /** Id, configuration without secrets, creation time. */
  readonly campaign: string;
  readonly plan: string;
  /** Directory of journal files, one for each fencing epoch. */
  readonly journal: string;
  /** 0700; removed at teardown. */
  readonly secrets: string;
  /** haproxy's and the master's configuration, data, logs, and the supervisor's state. */
  readonly gateway: string;
  /** One directory per batch job: script, output, exit status, logs. */
  readonly jobs: string;
  readonly staging: string;
  readonly rejects: string;
  /** The rules of pipelines by which rejected documents were loaded again, beside the plan's, by their hash. */
  readonly replays: string;
  readonly ledger: string;
  /** Ledger rows that a new revision of a month takes over from an earlier campaign; absent where there are none. */
  readonly carried: string;
  /** What was read of each file, with its Merkle roots. */
  readonly manifest: string;
  /** What the tuner saw, second by second. */
  readonly tuning: string;
  readonly reportJson: string;
  readonly reportMd: string;
  /** Identity of the orchestrator's process, and its log. */
  readonly orchestratorPid: string;
  readonly orchestratorLog: string;
}

export function campaignPaths(campaignsDir: string, id: string): CampaignPaths {
  const dir = join(campaignsDir, id);
  return {
    dir,
    campaign: join(dir, "campaign.json"),
    plan: join(dir, "plan.json"),
    journal: join(dir, "journal"),
    secrets: join(dir, "secrets"),
    gateway: join(dir, "gateway"),
    jobs: join(dir, "jobs"),
    staging: join(dir, "staging"),
    rejects: join(dir, "rejects"),
    replays: join(dir, "replays"),
    ledger: join(dir, "ledger.ndjson"),
    carried: join(dir, "carried.ndjson"),
    manifest: join(dir, MANIFEST),
    tuning: join(dir, "tuning.ndjson"),
    reportJson: join(dir, "report.json"),
    reportMd: join(dir, "report.md"),
    orchestratorPid: join(dir, "orchestrator.pid"),
    orchestratorLog: join(dir, "orchestrator.log"),
  };
}
