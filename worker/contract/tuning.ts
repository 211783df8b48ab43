import { z } from "zod";
import { parseJson } from "./json.ts";

/** What the orchestrator's tuner and the parsers tell each other. Both go through Redis, once a second. */

/** What one parser may have on its way to the store: the size of a body, and how many of them at once; and whether they go compressed. */
export interface Budgets {
  readonly bulkBytes: number;
  readonly requestsInFlight: number;
  readonly compressed?: true | undefined;
}

const count = z.coerce.number().int().positive();
const budgetsSchema = z
  .object({ bulkBytes: count, requestsInFlight: count, compressed: z.enum(["0", "1"]).default("0") })
  .transform(({ compressed, ...budgets }): Budgets =>
    compressed === "1" ? { ...budgets, compressed: true } : budgets,
  );

/** The hash `CampaignKeys.tuning`; undefined when nobody has set any. */
export function readBudgets(hash: Readonly<Record<string, string>>): Budgets | undefined {
  return budgetsSchema.safeParse(hash).data;
}

/** The same as fields of that hash. */
export function budgetFields({ bulkBytes, requestsInFlight, compressed }: Budgets): Readonly<Record<string, number>> {
  return { bulkBytes, requestsInFlight, compressed: compressed ? 1 : 0 };
}

const sum = z.number().nonnegative();

/**
 * What a parser process has done since it started, and where its time went: sums that only grow, so that whoever missed one report
 * loses nothing. Milliseconds are wall time unless they say otherwise; those of chunks are added over all slots.
 */
export const parserFiguresSchema = z.object({
  /** Age of the process. A lower one than before is another process. */
  upMillis: sum,
  slots: z.int().positive(),
  /** Documents with a final answer: written, there already, or rejected. */
  documents: sum,
  /** Of answered bulk requests: how many, their bytes, the time to their answers, and what of it Elasticsearch says it took. */
  requests: sum,
  bytes: sum,
  latencyMillis: sum,
  tookMillis: sum,
  /** Requests that got a 429, for themselves or one of their documents; and those that failed otherwise. */
  throttled: sum,
  failed: sum,
  /** Slots without a chunk. */
  idleMillis: sum,
  /** Chunks in work that wait for an answer of the spool's Redis. */
  askMillis: sum,
  /** Slots whose chunks wait for bytes of the archive or of the staging space, and give their pipeline thread nothing to do. */
  readMillis: sum,
  /** Chunks that wait for the campaign's rate limit. */
  limitedMillis: sum,
  /** The parser has nothing to do but to wait for answers of the store. */
  waitMillis: sum,
  /** All requests that the parser may have are under way, and there is more to send. */
  fullMillis: sum,
  /** Pipeline threads that have a block: at work, or waiting for a processor. */
  parseMillis: sum,
  /** Compressed files that are being unpacked, and those whose unpacking waits for bytes of the archive, as far as can be told. */
  unpackMillis: sum,
  unpackReadMillis: sum,
  /** The main thread is busy: framing, putting requests together, TLS. */
  mainMillis: sum,
});
export type ParserFigures = z.infer<typeof parserFiguresSchema>;

/** The hash `CampaignKeys.figures`, by job name; what cannot be read is left out. */
export function readFigures(hash: Readonly<Record<string, string>>): ReadonlyMap<string, ParserFigures> {
  const figures = new Map<string, ParserFigures>();
  for (const [jobName, text] of Object.entries(hash)) {
    const parsed = parserFiguresSchema.safeParse(parseJson(text));
    if (parsed.success) figures.set(jobName, parsed.data);
  }
  return figures;
}
