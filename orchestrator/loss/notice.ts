import { setTimeout as sleep } from "node:timers/promises";
import { describeError, StoreError } from "../../worker/contract/errors.ts";
import { clusterOf, decide, move, type CampaignContext } from "../context.ts";
import { lossesOf } from "../jobs/losses.ts";
import type { NodeGroups } from "../node-groups.ts";
import { openReload, type CampaignView } from "../view.ts";
import { awaitedNodes, shardKey, type PrimarySight } from "./consequences.ts";
import { reloadText } from "./record.ts";

/**
 * Notices that documents went with a data node. The word on that is Elasticsearch's, shard by shard: as long as every primary has a copy
 * on some member, a node that went costs nothing but its replacement.
 */
export interface LossWatch {
  /**
   * Looks once; a loss goes to the journal, and whoever loads takes it up from there.
   * @throws StoreError `DATA_NODE_LOST` where the configuration wants the campaign to fail
   */
  look(): Promise<void>;
}

/** How often a finishing that failed is looked at for a loss, and in which intervals. */
const LOOKS = 3;
const LOOK_MS = 1_000;

/** @param interrupt ends the phase that is under way */
export function createLossWatch(
  ctx: CampaignContext,
  groups: Pick<NodeGroups, "store">,
  interrupt: (reason: Error) => void,
): LossWatch {
  let seen = lossesOf(ctx.view).length;
  let before: ReadonlySet<string> = new Set();
  let awaitedSince: number | undefined;

  /** The lost shards, once it is sure that nobody brings them back. */
  const lostShards = async (): Promise<{ shards: readonly PrimarySight[]; awaited: readonly string[] } | undefined> => {
    const store = groups.store();
    if (!mayLose(ctx.view) || !store || store.primariesAssigned) {
      before = new Set();
      awaitedSince = undefined;
      return undefined;
    }
    const lost = (await primariesOf(ctx)).filter(({ state }) => state === "lost");
    // Seen twice: by the second look it is known which nodes are no members any more.
    const shards = lost.filter((shard) => before.has(shardKey(shard)));
    before = new Set(lost.map(shardKey));
    if (shards.length === 0) return undefined;
    const awaited = awaitedNodes(ctx.view, store.nodes);
    if (awaited.length === 0) return { shards, awaited };
    awaitedSince ??= Date.now();
    return Date.now() - awaitedSince < ctx.config.dataNodes.lossPatience * 1000 ? undefined : { shards, awaited };
  };

  return {
    async look() {
      const { view } = ctx;
      const losses = lossesOf(view);
      // What finishing waits for, that node may have been about to do.
      if (losses.length > seen && view.state === "finishing") interrupt(new Error("a data node went"));
      seen = losses.length;
      const found = await lostShards();
      if (!found) return;
      awaitedSince = undefined;
      const since = view.reloads.at(-1)?.at ?? 0;
      const nodes = [...losses.filter(({ at }) => at > since).map(({ jobName }) => jobName), ...found.awaited];
      const shards = found.shards.map(({ index, shard }) => ({ index, shard }));
      if (ctx.config.dataNodes.onLoss === "fail" && wasLoading(view)) throw lostForGood(ctx, nodes, shards.length);
      await decide(ctx, { type: "shards-lost", shards, nodes });
      const text = reloadText({ shards, nodes });
      ctx.log.warn(text);
      if (view.state === "finishing") await move(ctx, "reload", text);
      interrupt(new Error(text));
    },
  };
}

/** Whether documents that stand in Elasticsearch alone would be lost with its nodes: until the snapshot has them. */
function mayLose(view: CampaignView): boolean {
  if (openReload(view)) return false;
  if (view.state === "finishing") return view.steps.get("snapshot")?.doneAt === undefined;
  return view.state === "running" || view.state === "paused";
}

/** A node that went while booting held nothing yet. */
function wasLoading(view: CampaignView): boolean {
  const bootedAt = view.states.find(({ state }) => state === "running")?.at ?? Number.POSITIVE_INFINITY;
  return lossesOf(view).some(({ at }) => at > bootedAt);
}

/**
 * Whether primaries without a copy are why finishing failed: then it goes on when that is decided, by the node's return or by a reload.
 * An Elasticsearch that does not answer says no.
 */
export async function isLossPending(ctx: CampaignContext): Promise<boolean> {
  if (ctx.view.state !== "finishing" || !mayLose(ctx.view) || ctx.config.dataNodes.onLoss === "fail") return false;
  try {
    // What a broken connection shows at once the cluster's state shows a moment later.
    for (let looks = 1; ; looks++) {
      if ((await primariesOf(ctx)).some(({ state }) => state === "lost")) return true;
      if (looks === LOOKS) return false;
      await sleep(LOOK_MS, undefined, { signal: ctx.signal });
    }
  } catch (error) {
    ctx.log.debug("the primary shards cannot be looked at", { error: describeError(error) });
    return false;
  }
}

function primariesOf(ctx: CampaignContext): Promise<readonly PrimarySight[]> {
  const { indexPattern: pattern, revision } = ctx.plan.pinned;
  return clusterOf(ctx).primaries({ pattern, revision });
}

function lostForGood(ctx: CampaignContext, nodes: readonly string[], shards: number): StoreError {
  return new StoreError(
    "DATA_NODE_LOST",
    `${String(shards)} shards went with the data nodes ${nodes.join(", ")} in mid-campaign, and dataNodes.onLoss is \`fail\`; launch the campaign again. Their logs: gridharvest logs ${ctx.record.id} ${nodes[0] ?? ""}`,
  );
}
