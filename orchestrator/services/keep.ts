import { setTimeout as sleep } from "node:timers/promises";

import { describeError } from "../../worker/contract/errors.ts";
import type { Log } from "../log.ts";
import type { StatePaths } from "../paths.ts";
import { repairServices, type ServicesConfig } from "./site.ts";

const EVERY_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Starts embedded services again when they die, until the signal aborts: the orchestrator of a campaign runs it beside its
 * work. Services that were ended by `services down` stay ended.
 * Never rejects: what cannot be mended is logged and tried again, ever more rarely.
 */
export async function keepServices(
  config: ServicesConfig,
  paths: StatePaths,
  log: Log,
  signal: AbortSignal,
  everyMs: number = EVERY_MS,
): Promise<void> {
  let pauseMs = everyMs;
  while (!signal.aborted) {
    try {
      await sleep(pauseMs, undefined, { signal });
      await repairServices(config, paths, log, signal);
      pauseMs = everyMs;
    } catch (error) {
      if (signal.aborted) return;
      log.error(`the services could not be started again: ${describeError(error)}`);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}
