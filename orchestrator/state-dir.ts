import { mkdir, mkdtemp, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../worker/contract/errors.ts";

/**
 * Makes the state directory, and tries whether it takes anything: permission bits do not know of read-only file systems.
 * @throws ConfigError `STATE_DIR_UNUSABLE`
 */
export async function makeStateDir(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
    await rmdir(await mkdtemp(join(dir, ".write-probe-")));
  } catch (error) {
    throw unusableStateDir(dir, error);
  }
}

export function unusableStateDir(dir: string, cause: unknown): ConfigError {
  return new ConfigError(
    "STATE_DIR_UNUSABLE",
    `the state directory ${dir} cannot be used (${(cause as Error).message}); name one that you may write to with stateDir or --state-dir`,
    { context: { dir } },
  );
}
