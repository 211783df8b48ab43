/**
 * Why an agent ended, and the exit code that says so. The batch system keeps the code, so it is the last word of a
 * node whose log nobody can read any more. 0 is an end that was asked for; codes stay below 126, which are the shell's.
 */
export const AGENT_EXITS = {
  /** Drained because the orchestrator asked. */
  drained: 0,
  /** A fault of the program; the log has it. */
  fault: 1,
  /** `node.json` or the secrets file is missing, unreadable or of another version. */
  "bad-start": 10,
  /** Another agent holds this job name: qsub was answered late, or a job was run twice. */
  "second-agent": 11,
  /** The orchestrator refused to certify this job. */
  refused: 12,
  /** No sign of life from an orchestrator for `orphanGraceSeconds`. */
  orphaned: 13,
  /** The walltime is nearly over. */
  walltime: 14,
  /** SIGTERM, SIGINT or SIGHUP: qdel, or the batch system's own reasons. */
  terminated: 15,
  /** The node's process ended again and again. */
  "service-failed": 16,
  /** The address that the batch system leased to this job is not one of this machine. */
  "foreign-address": 17,
  /** A limit of this machine is too low for Elasticsearch. */
  "unfit-node": 18,
} as const;

export type EndReason = keyof typeof AGENT_EXITS;
