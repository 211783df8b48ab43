import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isFinal } from "../campaign.ts";
import { readJournal } from "../journal.ts";
import type { CampaignPaths } from "../paths.ts";
import { viewOf } from "../view.ts";

/**
 * The logs of one part of a campaign: of its orchestrator (no node), of the gateway, or everything that a job wrote. They
 * stand in the campaign's directory and outlive the cluster.
 */
export async function logFiles(paths: CampaignPaths, node: string | undefined): Promise<readonly string[]> {
  if (node === undefined) return existsSync(paths.orchestratorLog) ? [paths.orchestratorLog] : [];
  if (node === "gateway") return filesBelow(paths.gateway);
  // Its name becomes part of a path.
  return (await jobsWithFiles(paths)).includes(node) ? filesBelow(join(paths.jobs, node)) : [];
}

/** Whose logs there may be. */
export async function jobsWithFiles(paths: CampaignPaths): Promise<readonly string[]> {
  return (await readdir(paths.jobs).catch((): string[] => [])).sort();
}

/** Whether nobody writes the logs any more: the job has ended, or the whole campaign has. */
export async function isLogOver(paths: CampaignPaths, node: string | undefined): Promise<boolean> {
  const view = viewOf((await readJournal(paths.journal)).records);
  return isFinal(view.state) || (node !== undefined && view.jobs.get(node)?.ended !== undefined);
}

/** Files whose names say that they are logs or a job's output. */
async function filesBelow(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && /\.(log|out|err)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
