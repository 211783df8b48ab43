import { ConfigError } from "../worker/contract/errors.ts";
import { said } from "./answer.ts";
import type { CommandResult, CommandRunner } from "./batch-system.ts";

/** Dialects that can be told from outside. */
export type GridDialect = "torque" | "openpbs" | "slurm";

/**
 * Which batch system answered `qstat --version` so.
 * @source captures `version-qstat` (Torque: `Version: 6.1.3.h5`, OpenPBS and PBS Pro: `pbs_version = 23.06.06`) and
 * `qstat-version` (Slurm's wrapper knows no such option)
 */
export function recognise(out: CommandResult): GridDialect | undefined {
  const text = `${out.stdout}\n${out.stderr}`;
  if (/^\s*pbs_version\s*=/m.test(text)) return "openpbs";
  if (/^\s*version:\s*\d/im.test(text)) return "torque";
  if (out.code === 2 && /^Unknown option: version$/m.test(text)) return "slurm";
  return undefined;
}

/**
 * Finds out by one command which batch system is there.
 * @throws ConfigError `BATCH_SYSTEM_UNKNOWN`; GridError `COMMAND_MISSING`, `COMMAND_TIMEOUT`
 */
export async function detectDialect(
  runner: CommandRunner,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<GridDialect> {
  const out = await runner.run(["qstat", "--version"], { timeoutSeconds, signal });
  const dialect = recognise(out);
  if (dialect !== undefined) return dialect;
  throw new ConfigError(
    "BATCH_SYSTEM_UNKNOWN",
    `${out.argv.join(" ")} (exit ${String(out.code)}) does not say which batch system this is: ${said(out)}; set batch.system to torque, openpbs or slurm`,
  );
}
