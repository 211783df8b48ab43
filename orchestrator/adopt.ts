import { GridError } from "../worker/contract/errors.ts";
import { isFinal } from "./campaign.ts";
import { pinnedRuntime } from "./campaign-runtime.ts";
import { loadCampaign } from "./campaign-store.ts";
import type { Io } from "./cli/command.ts";
import { prepareSite, startOrchestrator, type SiteConfig } from "./launch.ts";
import { runInForeground } from "./foreground.ts";
import { readJournal } from "./journal.ts";
import { campaignStatus } from "./status.ts";
import { viewOf } from "./view.ts";
import { processText } from "./watch.ts";

/**
 * Gives a campaign a new orchestrator. What it knew is rebuilt from the journal, the batch system, Redis and
 * Elasticsearch.
 * @throws GridError `CAMPAIGN_OVER` when it has ended, `CAMPAIGN_OWNED` when its orchestrator is alive
 */
export async function adoptCampaign(
  site: SiteConfig,
  id: string,
  io: Io,
  signal: AbortSignal,
  foreground: boolean,
): Promise<void> {
  const { record, paths } = await loadCampaign(site.stateDir, id);
  const status = await campaignStatus(site.stateDir, id);
  if (isFinal(status.state))
    throw new GridError("CAMPAIGN_OVER", `campaign ${id} has ended (${status.state}); there is nothing to adopt`);
  if (status.orchestrator.alive) {
    throw new GridError(
      "CAMPAIGN_OWNED",
      `the orchestrator of ${id} is alive (${processText(status.orchestrator)}); talk to it with pause, resume, scale or cancel`,
    );
  }
  const hasRuntime = pinnedRuntime(viewOf((await readJournal(paths.journal)).records)) !== undefined;
  await prepareSite({ ...record.config, stateDir: site.stateDir }, io.log, signal, hasRuntime);
  if (foreground) await runInForeground(site.stateDir, id, io.log, signal);
  else
    io.log.info("the campaign has a new orchestrator", { process: await startOrchestrator(site.stateDir, id, paths) });
}
