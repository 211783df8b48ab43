/** What producer and consumers of the spool must agree on. */

/** Names of the BullMQ jobs. */
export const CHUNK_JOB = "chunk";
export const UNPACK_JOB = "unpack";
/** In the queue of the chunks. */
export const REPLAY_JOB = "replay";

/**
 * Options of every spool job. Finished jobs stay: the return value is the ledger's row, and a job id that
 * exists is not added twice. Eight attempts with exponential backoff last about four minutes.
 */
export const SPOOL_JOB_OPTIONS = {
  attempts: 8,
  backoff: { type: "exponential", delay: 2000 },
  removeOnComplete: false,
  removeOnFail: false,
} as const;
