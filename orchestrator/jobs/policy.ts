import type { NodeRole } from "../../worker/contract/keys.ts";
import type { Config } from "../config-schema.ts";

/** The part of the configuration that decides about jobs, in the units of the decisions. */
export interface JobPolicy {
  readonly walltimeSeconds: Readonly<Record<NodeRole, number>>;
  /** What a successor has in hand beyond what was measured. */
  readonly marginSeconds: number;
  readonly submissionsPerMinute: number;
  /** What node-hours are counted by, and their limit. */
  readonly cost: Pick<Config, "budget" | "dataNodes" | "parsers">;
  readonly quarantine: { readonly failures: number; readonly withinSeconds: number; readonly forSeconds: number };
  readonly breaker: { readonly failures: number; readonly pauseSeconds: number; readonly longestPauseSeconds: number };
  /** Time limit of one command of the batch system. */
  readonly commandSeconds: number;
  /** How long an agent may take from its job's start to its first word. */
  readonly silentStartSeconds: number;
  readonly orphanGraceSeconds: Readonly<Record<NodeRole, number>>;
}

export function jobPolicyOf(config: Config): JobPolicy {
  const { batch, dataNodes, parsers } = config;
  return {
    walltimeSeconds: { "es-data": Math.ceil(dataNodes.walltime), parser: Math.ceil(parsers.walltime) },
    marginSeconds: batch.replaceMargin,
    submissionsPerMinute: batch.submissionsPerMinute,
    cost: config,
    quarantine: {
      failures: batch.quarantine.failures,
      withinSeconds: batch.quarantine.within,
      forSeconds: batch.quarantine.for,
    },
    breaker: {
      failures: batch.breaker.failures,
      pauseSeconds: batch.breaker.pause,
      longestPauseSeconds: batch.breaker.longestPause,
    },
    commandSeconds: batch.commandTimeout,
    silentStartSeconds: batch.bootTimeout,
    orphanGraceSeconds: { "es-data": dataNodes.orphanGrace, parser: parsers.orphanGrace },
  };
}
