import type { BatchSystem, CommandRunner } from "./batch-system.ts";
import { localCommandRunner } from "./command.ts";
import { detectDialect, type GridDialect } from "./detect.ts";
import { DIALECTS } from "./dialects/index.ts";
import { installLocalBatch, type LocalBatchOptions } from "./local/install.ts";
import { pbsBatchSystem } from "./pbs-batch-system.ts";

export { DIALECTS, type DialectName } from "./dialects/index.ts";

/** The embedded batch system: where it stands and what it is made of. */
export interface LocalBatchSystemOptions extends LocalBatchOptions {
  readonly system: "local";
  /** Time limit of one qsub, qstat or qdel. */
  readonly commandTimeoutSeconds: number;
}

/** A batch system of the site. */
export interface GridBatchSystemOptions {
  /** `auto` finds out by one command which it is. */
  readonly system: GridDialect | "auto";
  /** Time limit of one command. */
  readonly commandTimeoutSeconds: number;
  /** Where commands run; on this machine when absent. */
  readonly runner?: CommandRunner;
  /** Whose jobs are listed; everybody's when absent. */
  readonly user?: string;
  /** Ends the finding out. */
  readonly signal?: AbortSignal;
}

/**
 * The batch system that the configuration names, ready for use. The embedded one is set up or
 * brought up to date; its jobs go on.
 * @returns it; of the embedded one also the directory with its programs for a person's PATH
 * @throws ConfigError `BATCH_SYSTEM_UNKNOWN`; GridError `COMMAND_MISSING`, `COMMAND_TIMEOUT`
 */
export function createBatchSystem(options: LocalBatchSystemOptions): Promise<BatchSystem & { readonly binDir: string }>;
export function createBatchSystem(options: LocalBatchSystemOptions | GridBatchSystemOptions): Promise<BatchSystem>;
export async function createBatchSystem(
  options: LocalBatchSystemOptions | GridBatchSystemOptions,
): Promise<BatchSystem> {
  if (options.system === "local") {
    const { system, commandTimeoutSeconds, ...local } = options;
    const { binDir } = installLocalBatch(local);
    const embedded = pbsBatchSystem(DIALECTS[system], localCommandRunner([binDir]), commandTimeoutSeconds);
    return Object.assign(embedded, { binDir });
  }
  const { system, commandTimeoutSeconds, runner = localCommandRunner(), user, signal } = options;
  const dialect =
    system === "auto"
      ? await detectDialect(runner, commandTimeoutSeconds, signal ?? new AbortController().signal)
      : system;
  return pbsBatchSystem(DIALECTS[dialect], runner, commandTimeoutSeconds, user);
}
