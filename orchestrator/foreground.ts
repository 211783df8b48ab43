import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { CampaignState } from "./campaign.ts";
import { loadCampaign } from "./campaign-store.ts";
import { createLog, teeLog, type Log } from "./log.ts";
import { orchestrate } from "./orchestrate.ts";

/**
 * Runs an orchestrator in this process; what it logs goes to the campaign's log file too, as a daemon's does. The first
 * interruption cancels the campaign and tears it down; a second one leaves it as it is, for `adopt` or `teardown`.
 */
export async function runInForeground(
  stateDir: string,
  id: string,
  terminal: Log,
  signal: AbortSignal,
): Promise<CampaignState> {
  const { paths } = await loadCampaign(stateDir, id);
  const file = createWriteStream(paths.orchestratorLog, { flags: "a" });
  // A disk that fills up shows where it matters; the log does without.
  file.on("error", () => undefined);
  const log = teeLog(terminal, createLog({ stream: file }));
  try {
    return await orchestrate({ stateDir, id, log, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    log.warn("interrupted: the campaign is cancelled and torn down");
    await orchestrate({ stateDir, id, log, signal: new AbortController().signal, end: true });
    throw signal.reason as Error;
  } finally {
    file.end();
    await finished(file).catch(() => undefined);
  }
}
