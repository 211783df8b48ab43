import type { CommandReply } from "../commands.ts";
import { move, type CampaignContext } from "../context.ts";
import { beforeLoadEnds } from "../load-end.ts";
import { rowsOf } from "../revisions/carried.ts";
import { readServing } from "../serving/serving-file.ts";
import { isLoadSettled } from "../view.ts";
import { readReplayRules } from "./rules-file.ts";
import { replaysWanted, type ReplayWish } from "./wanted.ts";

/**
 * Puts replays of rejected documents into the spool. While parsers live they take them as any chunk; a campaign whose load is over goes back to running, which gets
 * it parsers, opens its indices and takes ledger and snapshot anew when they are done. What is there already is not added twice. One that comes while the load
 * ends is part of it, or is refused and leaves nothing in the spool.
 */
export function replayRejects(ctx: CampaignContext, wish: ReplayWish): Promise<CommandReply> {
  return beforeLoadEnds(ctx, () => addReplays(ctx, wish));
}

async function addReplays(ctx: CampaignContext, wish: ReplayWish): Promise<CommandReply> {
  const { view, spool, plan } = ctx;
  const no = obstacle(ctx) ?? (await unready(ctx));
  if (no !== undefined) return refused(ctx, no);
  const rows = await rowsOf(ctx);
  const origins = new Map(plan.files.map(({ origin }) => [origin.fileId, origin]));
  const replays = replaysWanted(rows, origins, plan.rules, wish);
  if (replays.length === 0) {
    const which = wish.service === undefined ? "" : ` of files that the pipeline ${wish.service} reads`;
    return { ok: true, text: `no documents${which} are rejected: there is nothing to load again` };
  }
  // Before any message names them.
  if (wish.pipeline !== plan.pinned.pipeline) {
    const rules = await readReplayRules(ctx.paths, wish.pipeline);
    await ctx.redis.set(ctx.keys.replayRules(wish.pipeline), JSON.stringify(rules));
  }
  const isOver = view.loadIsOver;
  // Parsers that come up early must not look for rejects before they are where parsers see them.
  if (isOver) await spool.close();
  const added = await spool.addReplays(replays);
  const byId = new Map(rows.map((row) => [row.chunk, row]));
  const documents = replays.reduce((sum, { of }) => sum + (byId.get(of)?.counts.rejected ?? 0), 0);
  const text = `${String(documents)} rejected documents of ${String(replays.length)} chunks`;
  // Where it can serve no longer, its spool goes with it.
  if (isOver && !(await move(ctx, "replay", `${text} are loaded again`))) return refused(ctx, OVER);
  const waiting = added === replays.length ? "" : `, ${String(replays.length - added)} of which waited already`;
  return { ok: true, text: `${text} are loaded again${waiting}${whenOf(ctx, isOver)}` };
}

const OVER = "it loads nothing any more; load the month again with what was mended";

function refused({ view, record }: CampaignContext, remedy: string): CommandReply {
  return { ok: false, text: `cannot replay campaign ${record.id} while it is ${view.state}; ${remedy}` };
}

function whenOf({ view, record }: CampaignContext, wasOver: boolean): string {
  if (wasOver) return "; parsers are submitted, and its ledger and snapshot are taken anew when they are done";
  if (view.state === "paused" || view.state === "held")
    return `, once \`gridharvest resume ${record.id}\` lets it go on`;
  return "";
}

/** What is missing is restored while it serves, and by no load that goes on. */
async function unready({ view, paths }: CampaignContext): Promise<string | undefined> {
  if (view.state !== "serving") return undefined;
  const seen = await readServing(paths);
  if (!seen || seen.ready === seen.indices) return undefined;
  return `${String(seen.indices - seen.ready)} of its ${String(seen.indices)} indices are not there; wait until \`gridharvest status\` says that all can be searched`;
}

/** What is in the way, and its remedy. */
function obstacle({ view, record }: CampaignContext): string | undefined {
  if (record.serves) {
    return `it only serves what ${record.serves.campaign} has saved; load the month again with what was mended`;
  }
  switch (view.state) {
    case "running":
    case "paused":
    case "serving":
      return undefined;
    case "held":
      if (!view.loadIsOver || isLoadSettled(view)) return undefined;
      return `it was held while its parsers ended; \`gridharvest verify ${record.id}\` checks it again`;
    case "planned":
    case "booting":
      return "nothing is loaded yet; wait until it is running";
    case "finishing":
      return "it is being checked and saved; wait until it serves or is held (finish: keep lets it serve)";
    case "restoring":
    case "tearing-down":
    case "done":
    case "failed":
    case "cancelled":
      return OVER;
  }
}
