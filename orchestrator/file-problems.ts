import type { UnpackedFile } from "../worker/contract/chunk.ts";
import type { LedgerRow } from "../worker/contract/ledger.ts";
import { coveredFrom0 } from "./ledger.ts";
import type { Plan } from "./plan.ts";
import type { FailedJob } from "./spool.ts";

/** A file that could not be loaded whole. It costs that file; what was read before stays. */
export interface FileProblem {
  readonly path: string;
  /** The error's code, when an error was the cause. */
  readonly code?: string;
  readonly problem: string;
  readonly remedy?: string;
  /** All lines before this offset are stored, of those behind it some may be; absent when it is not known. */
  readonly truncatedAt?: number;
}

/**
 * The files that are not whole, by what planning said and loading found so far. Pure.
 * @param failed spool jobs that were given up
 * @param rows of the committed chunks; those of other files may be left out
 */
export function fileProblemsOf(
  plan: Pick<Plan, "files" | "problems">,
  failed: readonly FailedJob[],
  rows: readonly LedgerRow[],
  unpacked: ReadonlyMap<string, UnpackedFile>,
): FileProblem[] {
  const lost = lostFiles(failed);
  const covered = coveredFrom0(rows.filter((row) => lost.has(row.fileId)));
  const problems = plan.files.flatMap(({ origin: { fileId, path } }): FileProblem[] => {
    const reason = lost.get(fileId);
    if (reason !== undefined) return [{ path, ...partsOf(reason), truncatedAt: covered.get(fileId) ?? 0 }];
    const file = unpacked.get(fileId);
    if (file?.truncatedAt === undefined) return [];
    return [{ path, ...partsOf(file.problem ?? "truncated"), truncatedAt: file.truncatedAt }];
  });
  return [...problems, ...plan.problems];
}

/** File id → why, of the files that failed jobs cost. */
export function lostFiles(failed: readonly FailedJob[]): ReadonlyMap<string, string> {
  return new Map(failed.flatMap((job) => filesOf(job).map((fileId) => [fileId, job.reason] as const)));
}

/** The files that a failed job costs. */
export function filesOf(job: FailedJob): readonly string[] {
  return job.chunk ? [job.chunk.origin.fileId] : (job.unpack?.members ?? []).map((member) => member.origin.fileId);
}

/** A worker's `CODE: what happened; what to do`. */
function partsOf(reason: string): Pick<FileProblem, "code" | "problem" | "remedy"> {
  const [, code, text = reason] = /^([A-Z][A-Z0-9_]+): ([^]*)$/.exec(reason) ?? [];
  const at = text.lastIndexOf("; ");
  return {
    ...(code === undefined ? {} : { code }),
    problem: at < 0 ? text : text.slice(0, at),
    ...(at < 0 ? {} : { remedy: text.slice(at + 2) }),
  };
}

/** For people: `path: what is wrong (truncated at offset N); what to do`. */
export function problemText({ path, problem, remedy, truncatedAt }: FileProblem): string {
  const cut = truncatedAt === undefined ? "" : ` (truncated at offset ${String(truncatedAt)})`;
  return `${path}: ${problem}${cut}${remedy === undefined ? "" : `; ${remedy}`}`;
}
