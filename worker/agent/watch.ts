import type { Redis } from "ioredis";
import type { CampaignKeys } from "../contract/keys.ts";
import type { NodeSpec } from "../contract/node.ts";
import { pause } from "../contract/pause.ts";
import type { Life } from "./life.ts";
import type { AgentLog } from "./log.ts";

/** How often the control keys are read, at most. */
const LOOK_MS = 1_000;

export interface WatchOptions {
  readonly spec: NodeSpec;
  readonly keys: CampaignKeys;
  /** The connection of the moment: another one after joining. */
  readonly redis: () => Redis;
  readonly life: Life;
  /** This agent's id, once it has the job's name. */
  readonly instance: () => string | undefined;
  /** Called when the loader's credential is revoked, and when it holds again. */
  readonly onLoader: (revoked: boolean) => void;
  readonly log: AgentLog;
  /** Ends the watching. */
  readonly signal: AbortSignal;
}

/**
 * Reads what the orchestrator says until told to end: the drain key, the loader's credential, and the sign of life. Without
 * one for `orphanGraceSeconds` the agent is stopped; a Redis that cannot be reached shows none either. An agent whose name another one
 * has taken was given up while nobody heard it, and stops too. Never throws.
 */
export async function watchControl(options: WatchOptions): Promise<void> {
  const { spec, keys, life, log, signal } = options;
  const graceMs = spec.orphanGraceSeconds * 1000;
  const everyMs = Math.min(LOOK_MS, graceMs / 4);
  let lastSign = performance.now();
  let revoked = false;
  let silent = false;
  while (!signal.aborted) {
    try {
      const instance = options.instance();
      const [alive, drain, credential, holder] = await options
        .redis()
        .mget(keys.alive, keys.drain(spec.jobName), keys.loaderCredential, keys.claim(spec.jobName));
      if (holder != null && instance !== undefined && holder !== instance) {
        life.stop("second-agent", `another agent (${holder}) has taken the job name ${spec.jobName}`);
        return;
      }
      if (alive != null) {
        lastSign = performance.now();
        if (silent) log("an orchestrator is alive again");
        silent = false;
      }
      if (drain != null && !life.drained.aborted) {
        log(`asked to drain: ${drain}`);
        life.drain("drained", drain);
      }
      if ((credential === "revoked") !== revoked) {
        revoked = !revoked;
        options.onLoader(revoked);
      }
    } catch {
      // Counted as silence.
    }
    const silence = performance.now() - lastSign;
    if (silence > graceMs) {
      life.stop("orphaned", `no sign of life from an orchestrator for ${String(spec.orphanGraceSeconds)} s`);
      return;
    }
    if (silence > Math.min(30_000, graceMs / 2) && !silent) {
      silent = true;
      log(`no sign of life from an orchestrator; ending at ${String(spec.orphanGraceSeconds)} s of silence`);
    }
    await pause(everyMs, signal);
  }
}
