import type { CampaignState } from "./campaign.ts";
import type { Log } from "./log.ts";
import { orchestrate } from "./orchestrate.ts";

/**
 * Runs an orchestrator in this process. The first interruption cancels the campaign and tears it down; a second one
 * leaves it as it is, for `adopt` or `teardown`.
 */
export async function runInForeground(
  stateDir: string,
  id: string,
  log: Log,
  signal: AbortSignal,
): Promise<CampaignState> {
  try {
    return await orchestrate({ stateDir, id, log, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    log.warn("interrupted: the campaign is cancelled and torn down");
    await orchestrate({ stateDir, id, log, signal: new AbortController().signal, end: true });
    throw signal.reason as Error;
  }
}
