import { rm } from "node:fs/promises";
import { clusterOf, decide, step, until, type CampaignContext } from "../context.ts";
import { REPOSITORY } from "../finish.ts";
import { gatewayReport } from "../gateway-client.ts";
import { REPORTED_MASTER } from "../gateway/index.ts";
import { isGoing } from "../jobs/forecast.ts";
import { totalOf } from "../ledger.ts";
import { returnRejects } from "../ledger-export.ts";
import type { NodeGroups } from "../node-groups.ts";
import { snapshotName } from "../snapshot-name.ts";
import { rowsOf } from "../revisions/carried.ts";
import { restoreCarried } from "../revisions/restore-carried.ts";
import { openReload } from "../view.ts";
import { placesFor, rowsToReload, shardKey } from "./consequences.ts";
import { spooledRows } from "./missing.ts";
import { reloadStep, type PutBack, type Shard } from "./record.ts";
import { untilStore } from "./until-store.ts";

/**
 * From a node's withdrawal from the list that parsers send to, until none of them sends there: they read it every second.
 * Longer than that: those that are told to end their attempts read it no more often.
 */
const WITHDRAWN_MS = 3_000;
const LOOK_MS = 500;

/**
 * Puts what went with data nodes back into the spool, in steps that the journal knows and that each can be repeated:
 *
 * 1. The spool is closed and every attempt in work is ended. Some of its documents may have gone; without its lock it cannot
 *    commit (the fence of invariant 4), and the chunk is done again from its beginning.
 * 2. Each lost shard gets an empty primary; an index with documents of an earlier revision is restored from that one's snapshot.
 * 3. Committed chunks with documents in the lost indices leave the ledger and wait again. They are looked for after the attempts
 *    were ended, so whoever committed in between is among them.
 *
 * Then the spool is opened, unless the campaign is paused. What is still there of a chunk that is loaded again comes back as duplicate, so its new row
 * counts each of its lines once; where the store makes the ids it is what an attempt left that no row names, and goes when the load ends. A further loss meanwhile is noticed when this one is done, and done in the same way.
 */
export async function reloadLost(ctx: CampaignContext, groups: Pick<NodeGroups, "store">, signal: AbortSignal) {
  const reload = openReload(ctx.view);
  if (!reload) return;
  const { spool, redis, keys, view } = ctx;
  const number = view.reloads.length;
  const part = <T>(name: string, run: () => Promise<T>): Promise<T> => step(ctx, reloadStep(number, name), run);

  // Everything is counted before it is done: whoever has to do it again finds less.
  const { attempts } = await part("close", async () => {
    await spool.close();
    return { attempts: (await spool.counts()).parse.active };
  });
  await part("end attempts", async () => {
    await redis.set(keys.loadGeneration, number);
    await spool.endAttempts();
  });
  // Before that: what was taken over of an earlier revision is in no chunk that waits again.
  const indices = [...new Set(reload.shards.map(({ index }) => index))];
  if (ctx.plan.again) await part("restore carried", () => restoreCarried(ctx, signal, indices));
  await part("allocate", () => allocateEmpty(ctx, groups, reload.shards, signal));
  const counts = await part("count", async (): Promise<Omit<PutBack, "attempts">> => {
    const totals = totalOf(rowsToReload(await spooledRows(ctx.spool), reload.shards));
    const { written, duplicate, bytes } = totals.counts;
    return { chunks: totals.chunks, documents: written + duplicate, bytes };
  });
  await part("put back", async () => {
    await spool.putBack(rowsToReload(await spooledRows(ctx.spool), reload.shards).map(({ chunk }) => chunk));
  });
  await until(() => Date.now() - reload.at >= WITHDRAWN_MS, signal, LOOK_MS);
  await decide(ctx, { type: "put-back", attempts, ...counts });
  ctx.log.info("what was lost waits in the spool again", { attempts, ...counts });
}

/** Waits until all of the shards work again, giving an empty primary to each that has no copy as soon as a data node can take it. */
async function allocateEmpty(
  ctx: CampaignContext,
  groups: Pick<NodeGroups, "store">,
  shards: readonly Shard[],
  signal: AbortSignal,
): Promise<void> {
  const { indexPattern: pattern, revision } = ctx.plan.pinned;
  const wanted = new Set(shards.map(shardKey));
  await untilStore(
    ctx,
    async () => {
      const cluster = clusterOf(ctx);
      const mine = (await cluster.primaries({ pattern, revision })).filter((shard) => wanted.has(shardKey(shard)));
      const lost = mine.filter(({ state }) => state === "lost");
      await cluster.allocateEmptyPrimaries(placesFor(lost, stayingNodes(ctx, groups)));
      return mine.every(({ state }) => state === "works");
    },
    signal,
  );
}

/** Data nodes that are members and not on their way out. */
function stayingNodes(
  ctx: CampaignContext,
  groups: Pick<NodeGroups, "store">,
): ReadonlyMap<string, { readonly shards: number }> {
  return new Map(
    [...(groups.store()?.nodes ?? [])].filter(([name]) => {
      const job = ctx.view.jobs.get(name);
      return job !== undefined && job.ended === undefined && !isGoing(job);
    }),
  );
}

/**
 * Undoes what finishing had done to end the load: rejects are in the staging space again, the indices are open and the loader's credential holds again, what was exported is no ledger, and a snapshot that
 * was begun not the result. Of a campaign that was never finishing there is nothing to undo.
 */
export async function reopenLoad(ctx: CampaignContext, signal: AbortSignal): Promise<void> {
  if (!ctx.view.states.some(({ state }) => state === "finishing")) return;
  // Before the ledger goes, which says where they are: replays read them in the staging space.
  await returnRejects(ctx.paths, await rowsOf(ctx));
  await rm(ctx.paths.ledger, { force: true });
  const cluster = clusterOf(ctx);
  await cluster.deleteSnapshot(REPOSITORY, snapshotName(ctx.record.id, ctx.view));
  const { indexPattern: pattern, revision } = ctx.plan.pinned;
  await cluster.allowWrites(await cluster.indices({ pattern, revision }));
  await ctx.redis.del(ctx.keys.loaderCredential);
  // Until the supervisor has taken back whom it saw refuse the loader: the end of this load must not take its old word.
  await until(
    async () => (await gatewayReport(ctx))?.loaderRefusedBy.every((who) => who === REPORTED_MASTER) === true,
    signal,
    LOOK_MS,
  );
}
