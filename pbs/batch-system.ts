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
  /** Lines of the site, added after `#PBS ` as they are. */
  readonly extraDirectives: readonly string[];
}

/**
 * `exiting` is still running for us: its files are not final. `unknown` is a state that the
 * batch system named and that we do not know; it is never taken for an end.
 */
export type JobState = "queued" | "held" | "running" | "exiting" | "finished" | "unknown";

export interface JobStatus {
  readonly id: PbsJobId;
  readonly name: string;
  /** The user that submitted it, without a host. */
  readonly owner?: string;
  readonly state: JobState;
  /** The letter as printed. */
  readonly rawState: string;
  /** Hosts that the job was given, without slots; empty before it runs. */
  readonly hosts: readonly string[];
  /** As the batch system tells it: 0..255, 256+signal, negative for its own reasons. Absent while unknown. */
  readonly exitStatus?: number;
  readonly startedAt?: number;
}

/** The only door to a batch system. */
export interface BatchSystem {
  readonly dialect: string;
  /** @throws GridError `QSUB_REFUSED` when the batch system said no; `QSUB_UNANSWERED` (retryable) when nobody knows whether it submitted: look the job up by its name. */
  submit(spec: JobSpec, signal: AbortSignal): Promise<PbsJobId>;
  /** One call for all. An id that is absent from the answer is not thereby finished. @throws GridError (retryable) when the server did not answer. */
  status(ids: readonly PbsJobId[], signal: AbortSignal): Promise<ReadonlyMap<PbsJobId, JobStatus>>;
  /** All jobs of the user, for finding a job by its name. */
  list(signal: AbortSignal): Promise<readonly JobStatus[]>;
  /** Already gone is success. */
  cancel(id: PbsJobId, signal: AbortSignal): Promise<void>;
}

/** What differs between batch systems: pure text in, text out. */
export interface PbsDialect {
  readonly name: string;
  readonly supportsJsonStatus: boolean;
  readonly keepsFinishedJobs: boolean;
  /** The `#PBS` lines, without the `#PBS ` in front. */
  directives(spec: JobSpec): readonly string[];
  submitArgv(spec: JobSpec): Argv;
  parseSubmit(out: CommandResult): PbsJobId;
  statusArgv(ids: readonly PbsJobId[]): Argv;
  listArgv(): Argv;
  /** @throws GridError `QSTAT_FAILED` (retryable) when the answer is no answer */
  parseStatus(out: CommandResult): readonly JobStatus[];
  cancelArgv(id: PbsJobId): Argv;
  parseCancel(out: CommandResult): "cancelled" | "already-gone";
}
