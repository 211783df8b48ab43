import { StoreError } from "../../worker/contract/errors.ts";
import type { Cluster } from "../cluster.ts";
import { clusterOf, until, type CampaignContext } from "../context.ts";
import { totalOf } from "../ledger.ts";
import { returnRejects } from "../ledger-export.ts";
import type { Plan } from "../plan.ts";
import { untilReady } from "../serving/restore-into.ts";
import { countDifferences } from "../serving/restore-plan.ts";
import { carriedRows } from "./carried.ts";
import { renamedIndices } from "./choose.ts";

/** The earlier campaign's snapshot repository, as this campaign's cluster calls it while it reads it. */
const EARLIER_REPOSITORY = "gridharvest-earlier";

/** A node may have gone meanwhile: then all of it is done again. */
const FAILURE = { remedy: "It is tried again", retryable: true };

/** What came out of the earlier snapshot. */
export interface RestoredCarried {
  readonly indices: number;
  readonly documents: number;
  /** Documents of files that are loaded again, which the snapshot held too. */
  readonly removed: number;
}

/**
 * Brings what a revision takes over into its cluster: restores the earlier snapshot's indices under this revision's names, without the documents of
 * the files that are loaded again. Every index is removed and restored from its beginning, so it may be done again whatever was left half done. Each is
 * open for writing and as one that is loaded.
 * @param lost of a load that goes on: the indices that have lost a shard; absent: all, and what came is compared with the ledger
 * @throws StoreError `SNAPSHOT_DIFFERS`, `REVISION_DIFFERS`, `REPOSITORY_UNSEEN`, `RESTORE_FAILED`
 */
export async function restoreCarried(
  ctx: Pick<CampaignContext, "plan" | "paths" | "config" | "cluster" | "log">,
  signal: AbortSignal,
  lost?: readonly string[],
): Promise<RestoredCarried> {
  const { plan, log } = ctx;
  const { again } = plan;
  const rows = await carriedRows(ctx.paths);
  // In the staging space, as what the campaign's own attempts reject: parsers that load it again look there.
  if (!lost) await returnRejects(ctx.paths, rows);
  const { perIndex } = totalOf(rows);
  const wanted = (index: string): boolean => (perIndex[index] ?? 0) > 0 && (lost?.includes(index) ?? true);
  const { pinned } = plan;
  const naming = { pattern: pinned.indexPattern, revision: pinned.revision };
  const before = { pattern: again?.indexPattern ?? "", revision: again?.revision ?? 0 };
  const names = [...renamedIndices(plan.months, before, naming)].filter(([, to]) => wanted(to));
  if (!again || names.length === 0) return { indices: 0, documents: 0, removed: 0 };

  const cluster = clusterOf(ctx);
  const { restores } = cluster;
  const targets = names.map(([, to]) => to);
  // After a loss there may be none for a while.
  await until(async () => (await cluster.health()).dataNodes > 0, signal);
  await restores.register(EARLIER_REPOSITORY, again.repository);
  await restores.remove(targets);
  for (const [from, to] of names) {
    signal.throwIfAborted();
    await restores.start({
      repository: EARLIER_REPOSITORY,
      snapshot: again.snapshot,
      indices: [from],
      rename: to,
      replicas: ctx.config.dataNodes.replicas,
      settings: { "index.refresh_interval": "-1" },
    });
  }
  await untilReady(restores, targets, log, signal, FAILURE);
  await restores.unregister(EARLIER_REPOSITORY);
  await mapFields(cluster, plan, targets);
  const loaded = plan.files.flatMap(({ carried, origin }) => (carried ? [] : origin.path));
  const removed = await cluster.deleteFiles(targets, loaded);
  const documents = targets.reduce((sum, index) => sum + (perIndex[index] ?? 0), 0);
  // While parsers live something of their own may come in between; the end of the load counts it all.
  if (lost) return { indices: targets.length, documents, removed };

  await cluster.refresh(targets);
  const due = new Map(targets.map((index) => [index, perIndex[index] ?? 0]));
  const differences = countDifferences(due, await restores.counts(targets));
  if (differences.length > 0) {
    throw new StoreError(
      "SNAPSHOT_DIFFERS",
      `what was taken over of revision ${String(again.revision)} is not what the ledger of campaign ${again.campaign} says: ${differences.slice(0, 5).join("; ")}; load the whole month with --again all`,
    );
  }
  return { indices: targets.length, documents, removed };
}

async function mapFields(cluster: Cluster, plan: Plan, indices: readonly string[]): Promise<void> {
  try {
    await cluster.mapFields(indices, plan.fields, plan.pinned.ids);
  } catch (error) {
    if (!(error instanceof StoreError) || error.context["status"] !== 400) throw error;
    throw new StoreError(
      "REVISION_DIFFERS",
      `the indices of revision ${String(plan.again?.revision)} cannot take the fields of today's pipelines; load the whole month with --again all: ${error.message}`,
      { cause: error },
    );
  }
}
