import type { CampaignView } from "../view.ts";

/** The end of a data node's life that may have taken shards with it. */
export interface Loss {
  readonly jobName: string;
  readonly at: number;
  readonly how: string;
}

/**
 * Data nodes that worked and went without having been emptied: their job ended, their node was lost, or the batch system runs the
 * job once more. In the order of time. A teardown's drains are no losses. Pure.
 */
export function lossesOf(view: CampaignView): readonly Loss[] {
  const losses: Loss[] = [];
  for (const job of view.jobs.values()) {
    if (job.role !== "es-data") continue;
    const jobName = job.name;
    for (const life of job.pastLives) if (life.up) losses.push({ jobName, at: life.endedAt, how: life.how });
    if (job.upAt === undefined || job.releasedAt !== undefined || (job.draining && !job.leaving)) continue;
    if (job.lost) losses.push({ jobName, ...job.lost });
    else if (job.ended) {
      losses.push({
        jobName,
        at: job.ended.at,
        how: `exit status ${String(job.ended.exit ?? "unknown")}, ${job.ended.how}`,
      });
    }
  }
  return losses.sort((a, b) => a.at - b.at);
}
