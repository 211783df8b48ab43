import { z } from "zod";
import { originSchema } from "./chunk.ts";

/**
 * A message of the parse queue, of the name `REPLAY_JOB`: what a chunk, or an earlier replay, had rejected is loaded again. It names no lines: the items
 * are all that stands in the rejects file of the committed attempt at `of`, whichever that is by then, so that it can be done again after its
 * chunk was loaded again.
 */
export const replaySchema = z.strictObject({
  id: z.string(),
  /** The job whose rejected documents it loads. */
  of: z.string(),
  /** The chunk that read their lines: `of`, or that of the replay `of`. */
  chunk: z.string(),
  /** The chunk's. */
  origin: originSchema,
  /** Hash of the pipeline that makes the documents: the campaign's own, or one of `CampaignKeys.replayRules`. */
  pipeline: z.string(),
});
export type Replay = z.infer<typeof replaySchema>;

/** The id of the n-th replay of what a chunk had rejected, counted from 1. */
export function replayId(chunk: string, n: number): string {
  return `${chunk}-r${String(n)}`;
}
