import type { Redis } from "ioredis";
import type { CampaignContext } from "../../orchestrator/context.ts";
import { openJournal, type JournalEntry } from "../../orchestrator/journal.ts";
import { createLog } from "../../orchestrator/log.ts";
import { viewOf } from "../../orchestrator/view.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { writeCampaignDirectory } from "./campaign-directory.ts";

/** The nodes of such a campaign. */
export const TUNED_NODES = { dataNode: "gh-abcde-d1", parser: "gh-abcde-p1" } as const;

const RUNNING: readonly (JournalEntry | "start" | "booted")[] = [
  "start",
  { type: "submit-intent", jobName: TUNED_NODES.dataNode, role: "es-data" },
  { type: "submit-intent", jobName: TUNED_NODES.parser, role: "parser" },
  "booted",
];

/** The part of a running campaign that its tuner sees: a directory with a journal, a Redis, a data node and a parser. */
export async function tunedCampaign(
  stateDir: string,
  name: string,
  redis: Redis,
  settings: Readonly<Record<string, unknown>>,
): Promise<CampaignContext> {
  const { record, paths } = await writeCampaignDirectory(stateDir, name, RUNNING, settings);
  const journal = await openJournal(paths.journal, 2, "here");
  const view = viewOf(journal.records);
  const log = createLog({ level: "error" });
  const keys = campaignKeys(name);
  const context = { record, config: record.config, paths, keys, journal, view, log, access: {}, redis };
  return context as unknown as CampaignContext;
}
