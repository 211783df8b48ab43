import type { CampaignView } from "./view.ts";

/**
 * Names of the snapshots of a campaign's own load: its id; of one that went on after its end, to load rejected documents again, with a number from 2 on. So what was saved
 * before stays until the new one is verified, and the new one copies only what has changed.
 */

/** The one to take, or that was taken last. */
export function snapshotName(id: string, { replays }: Pick<CampaignView, "replays">): string {
  return nameOf(id, replays);
}

/** Those that the one to take replaces, whether or not they came to be. */
export function earlierSnapshots(id: string, { replays }: Pick<CampaignView, "replays">): readonly string[] {
  return Array.from({ length: replays }, (_, n) => nameOf(id, n));
}

function nameOf(id: string, n: number): string {
  return n === 0 ? id : `${id}-${String(n + 1)}`;
}
