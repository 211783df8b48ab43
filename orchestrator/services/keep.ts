import { setTimeout as sleep } from "node:timers/promises";

import { describeError } from "../../worker/contract/errors.ts";
import type { Log } from "../log.ts";
import type { StatePaths } from "../paths.ts";
import type { ServicesConfig } from "./operator.ts";
import type { EmbeddedName } from "./record.ts";
import { repairServices } from "./site.ts";

const EVERY_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Starts embedded services again when they die, until the signal aborts: the supervisor of each campaign's gateway does so,
 * since it is where they run. Services that were ended by `services down` stay ended.
 * Never rejects: what cannot be mended is logged and tried again, ever more rarely.
 */
export async function keepServices(
  config: ServicesConfig,
  paths: StatePaths,
  log: Log,
  signal: AbortSignal,
  options: {
    readonly everyMs?: number;
    /** Told of what was started again. */
    readonly onRepaired?: (names: readonly EmbeddedName[]) => void;
  } = {},
): Promise<void> {
  const { everyMs = EVERY_MS, onRepaired } = options;
  let pauseMs = everyMs;
  while (!signal.aborted) {
    try {
      await sleep(pauseMs, undefined, { signal });
      const repaired = await repairServices(config, paths, log, signal);
      if (repaired.length > 0) onRepaired?.(repaired);
      pauseMs = everyMs;
    } catch (error) {
      if (signal.aborted) return;
      log.error(`the services could not be started again: ${describeError(error)}`);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}
