import type { Job } from "bullmq";
import { DataError, StoreError } from "./contract/errors.ts";
import type { LedgerRow } from "./contract/ledger.ts";
import type { Replay } from "./contract/replay.ts";

/** The error of a replay whose source was put back into the spool, and waits; it never reaches the operator. */
export const SOURCE_WAITS = "SOURCE_WAITS";

/** What of a queue is asked. */
interface Jobs {
  getJob(id: string): Promise<Pick<Job<unknown, LedgerRow>, "getState" | "returnvalue" | "failedReason"> | undefined>;
}

/**
 * The committed row whose rejected documents a replay loads again.
 * @throws DataError `SOURCE_WAITS` (retryable) until there is one; of a source that failed for good its own error's code
 */
export async function committedSource(jobs: Jobs, { id, of }: Replay): Promise<LedgerRow> {
  // The state first: a row that is there afterwards is that of a committed attempt.
  const job = await jobs.getJob(of);
  const state = await job?.getState();
  const { returnvalue: row, failedReason = "" } = (await jobs.getJob(of)) ?? {};
  if (state === "completed" && row) return row;
  if (state === "failed") {
    const [, code = "UNEXPECTED", text = failedReason] = /^([A-Z][A-Z0-9_]+): ([^]*)$/.exec(failedReason) ?? [];
    throw new DataError(code, `${of}, whose rejected documents it loads again, failed: ${text}`, {
      context: { replay: id },
    });
  }
  if (job) throw new DataError(SOURCE_WAITS, `${of} is not committed yet`, { retryable: true });
  throw new StoreError("REJECTS_MISSING", `the spool has no job ${of}, whose rejected documents ${id} loads again`);
}
