import { transition, type CampaignEvent, type CampaignState } from "../../orchestrator/campaign.ts";
import { createCampaign, type CampaignRecord, type ServedMonth } from "../../orchestrator/campaign-store.ts";
import { loadConfig } from "../../orchestrator/config.ts";
import { openJournal, type JournalEntry } from "../../orchestrator/journal.ts";
import { statePaths, type CampaignPaths } from "../../orchestrator/paths.ts";

/**
 * A campaign that is nothing but its directory: for what works from that alone.
 * @param story what goes to its journal: an event moves it on from the state in which it is
 */
export async function writeCampaignDirectory(
  stateDir: string,
  id: string,
  story: readonly (CampaignEvent | JournalEntry)[] = [],
  settings: Readonly<Record<string, unknown>> = {},
  serves?: ServedMonth,
): Promise<{ record: CampaignRecord; paths: CampaignPaths }> {
  const given: [string, unknown][] = [["stateDir", stateDir], ...Object.entries(settings)];
  const overrides = Object.fromEntries(given.map(([path, value]) => [path, { flag: "--set", value }]));
  const { config } = await loadConfig({ env: {}, cwd: stateDir, overrides });
  const campaign = await createCampaign(statePaths(stateDir), {
    name: id,
    months: ["2013-01"],
    planId: "0123456789ab",
    config,
    ...(serves ? { serves } : {}),
  });
  const journal = await openJournal(campaign.paths.journal, 1, "here");
  let state: CampaignState = "planned";
  await journal.append({ type: "created", campaign: id, plan: "0123456789ab" });
  for (const entry of story) {
    if (typeof entry !== "string") {
      if (entry.type === "transition") state = entry.to;
      await journal.append(entry);
      continue;
    }
    const to: CampaignState | undefined = transition(state, entry);
    if (to === undefined) throw new Error(`${entry} is refused while ${state}`);
    await journal.append({ type: "transition", event: entry, from: state, to });
    state = to;
  }
  await journal.close();
  return campaign;
}
