import type { JobEnd, JobState, JobStatus } from "./job-status.ts";
import type { NodeStatus } from "./node-status.ts";
import type { QueueLimits } from "./queue-limits.ts";

export type { JobEnd, JobState, JobStatus, NodeStatus, QueueLimits };

/** An id as the batch system printed it, e.g. `12.server`. */
export type PbsJobId = string;

export type Argv = readonly [command: string, ...args: string[]];

export interface CommandResult {
  readonly argv: Argv;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one command of the batch system, here or on a frontend.
 * @throws GridError `COMMAND_TIMEOUT` (retryable) after the time limit, `COMMAND_MISSING` when the program is not there
 */
export interface CommandRunner {
  run(
    argv: Argv,
    options: { readonly timeoutSeconds: number; readonly signal: AbortSignal; readonly stdin?: string },
  ): Promise<CommandResult>;
}

/** What one job asks for. Sizes in bytes; the dialect writes them in its own units. */
export interface JobSpec {
  /** Unique in the campaign, at most 15 characters, `[A-Za-z][A-Za-z0-9-]*`. */
  readonly name: string;
  readonly queue?: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly walltimeSeconds: number;
  readonly outputFile: string;
  readonly errorFile: string;
  /** Where the job script stands (rendered, on the shared file system). */
  readonly scriptFile: string;
  /** Lines of the site, added after `#PBS ` as they are; one that begins with `#` is a line of its own. */
  readonly extraDirectives: readonly string[];
  /** What the host must have, by the site's names (Torque: properties, OpenPBS: resources, Slurm: features). */
  readonly properties?: readonly string[];
  /** Hosts that it must not run on. */
  readonly excludeHosts?: readonly string[];
  /** The host that it must run on. `BatchSystem.place` names one where the dialect cannot exclude hosts. */
  readonly host?: string;
}

/** What came of trying a job out. */
export interface DryRun {
  readonly accepted: boolean;
  /** The batch system's own words, or what it made of the job. */
  readonly text: string;
}

/** The only door to a batch system. */
export interface BatchSystem {
  readonly dialect: PbsDialect;
  /**
   * Settles on a host when the job excludes some and the dialect can only name one; to be called before the script
   * is rendered. Any other spec comes back as it is.
   * @throws GridError `HOSTS_EXCLUDED` (retryable) when no host is left that could take the job
   */
  place(spec: JobSpec, signal: AbortSignal): Promise<JobSpec>;
  /** @throws GridError `QSUB_REFUSED` when the batch system said no; `QSUB_UNANSWERED` (retryable) when nobody knows whether it submitted: look the job up by its name. */
  submit(spec: JobSpec, signal: AbortSignal): Promise<PbsJobId>;
  /** One call for all. An id that is absent from the answer is not thereby finished. @throws GridError (retryable) when the server did not answer. */
  status(ids: readonly PbsJobId[], signal: AbortSignal): Promise<ReadonlyMap<PbsJobId, JobStatus>>;
  /** All jobs of the user, for finding a job by its name. */
  list(signal: AbortSignal): Promise<readonly JobStatus[]>;
  /** Already gone is success. After it the job may be shown as running for a while. */
  cancel(id: PbsJobId, signal: AbortSignal): Promise<void>;
  /**
   * What the queue allows; without a name, the default queue.
   * @returns undefined when there is no such queue, or when the batch system does not tell its default
   */
  limits(queue: string | undefined, signal: AbortSignal): Promise<QueueLimits | undefined>;
  /** Every execution host. */
  nodes(signal: AbortSignal): Promise<readonly NodeStatus[]>;
  /**
   * Whether the batch system would take the job, whose script must stand where the spec says. Nothing runs and no job stays.
   * @returns undefined where the dialect has no way to ask
   */
  dryRun(spec: JobSpec, signal: AbortSignal): Promise<DryRun | undefined>;
}

/**
 * One way of asking for jobs. `"unreadable"` is an answer that this way cannot read, this time; `"unsupported"` says
 * that this batch system does not know the way at all. Either makes the next way be asked.
 */
export interface StatusFormat {
  /** @param ids none for all jobs */
  argv(ids: readonly PbsJobId[]): Argv;
  /** @throws GridError `QSTAT_FAILED` (retryable) when the server did not answer */
  parse(out: CommandResult): readonly JobStatus[] | "unreadable" | "unsupported";
}

/** What differs between batch systems: pure text in, text out. */
export interface PbsDialect {
  readonly name: string;
  /** Whether a job can say where it must not run, or only where it must. */
  readonly excludesHosts: "directive" | "by-naming";
  /** How a job is tried out: submitted held and deleted, by a command that only tests, or not at all. */
  readonly dryRun: "held" | "test-only" | "none";
  /** Whether the id is of this dialect's kind. Nothing else is ever put on a command line. */
  isJobId(id: string): boolean;
  /** The lines of a job script that say what it asks for. @throws ConfigError `BATCH_VALUE` for a value that cannot be written */
  directives(spec: JobSpec): readonly string[];
  /**
   * @param held as a job that waits until somebody releases it; with `dryRun: "held"` only
   * @throws ConfigError `BATCH_VALUE`
   */
  submitArgv(spec: JobSpec, held?: boolean): Argv;
  parseSubmit(out: CommandResult): PbsJobId;
  /** The best one first. */
  readonly statusFormats: readonly [StatusFormat, ...StatusFormat[]];
  /** A second question whose answer tells more about the jobs of the first; the statuses stay as they are without it. */
  readonly details?: {
    argv(ids: readonly PbsJobId[]): Argv;
    refine(statuses: readonly JobStatus[], out: CommandResult): readonly JobStatus[];
  };
  cancelArgv(id: PbsJobId): Argv;
  parseCancel(out: CommandResult): "cancelled" | "already-gone";
  limitsArgv(): Argv;
  /** @throws GridError `QSTAT_FAILED` */
  parseLimits(out: CommandResult): readonly QueueLimits[];
  /** Asks the server for its default queue, where the queues do not say it themselves. */
  readonly defaultQueue?: { argv(): Argv; parse(out: CommandResult): string | undefined };
  nodesArgv(): Argv;
  /** @throws GridError `QSTAT_FAILED` */
  parseNodes(out: CommandResult): readonly NodeStatus[];
  /** With `dryRun: "test-only"`. */
  readonly test?: { argv(spec: JobSpec): Argv; parse(out: CommandResult): DryRun };
}
