import type { BatchSystem } from "./batch-system.ts";
import { localCommandRunner } from "./command.ts";
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

/**
 * The batch system that the configuration names, ready for use. The embedded one is set up or
 * brought up to date; its jobs go on.
 * @returns it, and the directory with its programs for a person's PATH
 */
export async function createBatchSystem(
  options: LocalBatchSystemOptions,
): Promise<BatchSystem & { readonly binDir: string }> {
  const { system, commandTimeoutSeconds, ...local } = options;
  const { binDir } = installLocalBatch(local);
  return { ...pbsBatchSystem(DIALECTS[system], localCommandRunner([binDir]), commandTimeoutSeconds), binDir };
}
