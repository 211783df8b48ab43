import type { LocalJob, Placement } from "./job.ts";
import type { LocalSettings } from "./settings.ts";

/** The part of a job that decides about its turn. */
export type Schedulable = Pick<LocalJob, "sequence" | "state" | "queuedAt" | "resources" | "placements">;

/**
 * Which queued jobs can start now, and where: strictly first come, first served, a job that
 * does not fit holds up those behind it. Every mom computes the same for the same jobs, so
 * each may start its own without waiting for the ones before it.
 * A job goes to the emptiest host, the first in the list among equals: a campaign's nodes
 * then stand on different addresses.
 */
export function startable(
  jobs: readonly Schedulable[],
  settings: LocalSettings,
  now: number,
): ReadonlyMap<number, readonly Placement[]> {
  const free = new Map(
    settings.nodes.map((node) => [node, Array.from({ length: settings.slotsPerNode }, (_, slot) => slot)]),
  );
  const take = (placements: readonly Placement[]): void => {
    for (const { node, slots } of placements) {
      const left = free.get(node)?.filter((slot) => !slots.includes(slot));
      if (left) free.set(node, left);
    }
  };
  for (const job of jobs) if (job.state !== "Q") take(job.placements ?? []);

  const starts = new Map<number, readonly Placement[]>();
  const queued = jobs.filter((job) => job.state === "Q").sort((a, b) => a.sequence - b.sequence);
  for (const job of queued) {
    if (job.queuedAt + settings.queueDelaySeconds * 1000 > now) break;
    const hosts = [...free]
      .filter(([node, slots]) => slots.length >= job.resources.ppn && (job.resources.host ?? node) === node)
      .sort(([, a], [, b]) => b.length - a.length)
      .slice(0, job.resources.nodes);
    if (hosts.length < job.resources.nodes) break;
    const placements = hosts.map(([node, slots]) => ({ node, slots: slots.slice(0, job.resources.ppn) }));
    take(placements);
    starts.set(job.sequence, placements);
  }
  return starts;
}

/** Whether the job could ever start. */
export function feasible(
  { nodes, ppn, host }: Pick<LocalJob["resources"], "nodes" | "ppn" | "host">,
  settings: LocalSettings,
): boolean {
  const named = host === undefined || settings.nodes.includes(host);
  return named && nodes <= settings.nodes.length && ppn <= settings.slotsPerNode;
}
