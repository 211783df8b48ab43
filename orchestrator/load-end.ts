import { move, type CampaignContext } from "./context.ts";
import { createTurns } from "./turns.ts";

/**
 * The end of a load, and what is added to it at the last moment.
 *
 * Commands are carried out beside the phase that waits for the spool to be drained. So what adds to the spool and what ends the load take turns: whatever comes
 * first, nothing is added between the look that finds the spool drained and the move that ends the load. These are no turns of decisions, which wait for no
 * Redis: bringing a Redis back may need a decision.
 */
const turns = createTurns();

/** Does what may add to the spool. The load does not end meanwhile, and what it adds before the end is part of the load. */
export function beforeLoadEnds<T>({ spool }: Pick<CampaignContext, "spool">, work: () => Promise<T>): Promise<T> {
  return turns(spool, work);
}

/**
 * Ends the load, unless something has come into the spool since it was seen drained, or the campaign is not running any more.
 * @returns whether it has ended
 */
export function endLoad(ctx: CampaignContext): Promise<boolean> {
  return turns(ctx.spool, async () => (await ctx.spool.isDrained()) && (await move(ctx, "drained")));
}
