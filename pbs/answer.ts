import { GridError } from "../worker/contract/errors.ts";
import type { CommandResult, PbsJobId } from "./batch-system.ts";

/** What a command of a batch system said, and the errors that are made of it. */

/** 128 + signal: somebody killed the command. */
const KILLED = [130, 137, 143];
/** The server was lost while it was spoken to, so nobody knows how far it came. @source pbs_error.h, Slurm's slurm_errno.h */
const CUT_OFF =
  /timed? ?out|end of file|premature end|protocol \(asn\.1\)|connection (?:reset|closed)|broken pipe|(?:send|receive) failure/i;

/** Both outputs as one line for people. Slurm's wrappers print their errors to stdout. */
export function said(out: CommandResult): string {
  return [out.stderr, out.stdout].join(" ").replaceAll(/\s+/g, " ").trim().slice(0, 400) || "nothing";
}

function failure(
  code: string,
  out: CommandResult,
  what: string,
  { retryable, remedy }: { readonly retryable: boolean; readonly remedy?: string },
): GridError {
  const text = `${out.argv.join(" ")} ${what} (exit ${String(out.code)}): ${said(out)}`;
  return new GridError(code, remedy === undefined ? text : `${text}; ${remedy}`, {
    retryable,
    context: { exit: out.code },
  });
}

/** The server did not answer a question; it is asked again. */
export function noAnswer(out: CommandResult): GridError {
  return failure("QSTAT_FAILED", out, "failed", { retryable: true });
}

/** @param permitted false when trying again is of no use */
export function notDeleted(out: CommandResult, permitted: boolean): GridError {
  return failure("QDEL_FAILED", out, "failed", { retryable: permitted });
}

/** How a dialect tells the answers of qsub apart. */
export interface SubmitWords {
  /** Takes the id out of the output of a successful qsub. */
  readonly id: RegExp;
  /** Whether the server is away or overloaded and surely took nothing. */
  isAway(out: CommandResult): boolean;
}

/**
 * @throws GridError `QSUB_UNANSWERED` (retryable) when nobody knows whether the job was taken, `QSUB_REFUSED` (retryable when
 * the server was away)
 */
export function readSubmit(out: CommandResult, words: SubmitWords): PbsJobId {
  const id = words.id.exec(out.stdout)?.[1];
  if (out.code === 0 && id !== undefined) return id;
  if (out.code !== 0 && words.isAway(out)) throw failure("QSUB_REFUSED", out, "found no server", { retryable: true });
  if (out.code === 0 || KILLED.includes(out.code) || CUT_OFF.test(said(out))) {
    throw failure("QSUB_UNANSWERED", out, "gave no job id", { retryable: true });
  }
  throw failure("QSUB_REFUSED", out, "was refused", {
    retryable: false,
    remedy: "mend the resources or the queue in the configuration",
  });
}
