import type { Job } from "bullmq";
import { unpackSchema, type UnpackResult, type Unpack } from "./contract/chunk.ts";
import { DataError } from "./contract/errors.ts";
import { SPOOL_JOB_OPTIONS, UNPACK_JOB } from "./contract/spool.ts";
import type { UnpackQueue } from "./spool.ts";

/** A file is unpacked again this often at most; more means that its blocks are taken away faster than they are read. */
const MOST_AGAIN = 50;

/**
 * Sees to it that a compressed file whose staged block is missing is unpacked again: adds a job with the id
 * `<unpackId>~<k>`, unless one that could still bring the block is under way. Any number of chunks may ask.
 *
 * @throws DataError with the code of the failure when unpacking it failed for good, `BLOCK_LOST` when it was done too often
 */
export async function unpackAgain(queue: UnpackQueue, unpackId: string): Promise<void> {
  const first: Job<Unpack, UnpackResult> | undefined = await queue.getJob(unpackId);
  if (!first) {
    throw new DataError(
      "UNPACK_FAILED",
      `the job ${unpackId} that unpacked a missing block is not in the spool any more`,
      {
        context: { unpackId },
      },
    );
  }
  for (let k = 0; k <= MOST_AGAIN; k++) {
    const id = k === 0 ? unpackId : `${unpackId}~${k}`;
    const state = await queue.getJobState(id);
    if (state === "completed") continue;
    if (state === "failed") {
      // Its reason begins with the code: a file's own fault costs that file here too.
      const reason = (await queue.getJob(id))?.failedReason ?? "";
      const [, code = "UNPACK_FAILED", text = reason] = /^([A-Z][A-Z_]+): (.*)$/s.exec(reason) ?? [];
      throw new DataError(code, `${first.data.file} could not be unpacked again for a missing block: ${text}`, {
        context: { unpackId, file: first.data.file, job: id },
      });
    }
    if (state === "unknown")
      await queue.add(UNPACK_JOB, unpackSchema.parse(first.data), { ...SPOOL_JOB_OPTIONS, jobId: id });
    return;
  }
  throw new DataError(
    "BLOCK_LOST",
    `${first.data.file} was unpacked ${MOST_AGAIN} times and its block is missing again; see who removes files from ${first.data.stagingDir}`,
    { context: { unpackId, file: first.data.file } },
  );
}
