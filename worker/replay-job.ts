import { join } from "node:path";
import type { Origin } from "./contract/chunk.ts";
import { describeError, StoreError } from "./contract/errors.ts";
import type { LedgerRow } from "./contract/ledger.ts";
import { NO_PROGRAM, NO_WORD } from "./contract/parse-counts.ts";
import { readRejectedDocuments, rejectsFileName, type RejectedDocument } from "./contract/rejected-document.ts";
import type { Replay } from "./contract/replay.ts";
import type { ChunkContext } from "./chunk-job.ts";
import type { PipelinePool } from "./pipeline-pool.ts";
import { isAsRejected, rejectedLine, standsAlone, type RejectedLine } from "./rejected-lines.ts";
import { createRejects, type Rejects } from "./rejects.ts";
import { RowTally } from "./row-tally.ts";
import { roomFor } from "./spare-memory.ts";
import { Calendars } from "./time/calendars.ts";

/** What doing replays needs; one for the process. */
export type ReplayContext = Pick<
  ChunkContext,
  "sink" | "rateLimit" | "attempts" | "meter" | "worker" | "budgets" | "load" | "rejectsDir"
>;

/** Why a document stays rejected though nobody has refused it again. */
const NEEDS_ARCHIVE = {
  type: "replay_needs_archive",
  reason:
    "the line was written out as copies of a message that stands elsewhere in its file, which is not among the rejected documents; load the month again",
} as const;

/**
 * Does one replay: the rejected documents of a committed attempt → their lines → parse → rate limit → bulk, and adds up its ledger row.
 *
 * @param source the committed row that had rejected them
 * @param pool of the pipeline that the replay names
 * @param attempt which delivery this is, 1 for the first
 * @param signal ends the work promptly: then nothing is known of the replay, and doing it again changes nothing
 * @throws StoreError `REJECTS_MISSING`, `STAGING_READ_FAILED`, and what a sink throws
 */
export async function processReplay(
  replay: Replay,
  source: Pick<LedgerRow, "attempt" | "counts">,
  pool: PipelinePool,
  attempt: number,
  context: ReplayContext,
  signal: AbortSignal,
): Promise<LedgerRow> {
  const begin = performance.now();
  const file = join(context.rejectsDir, rejectsFileName(replay.of, source.attempt));
  const { due, origin } = await lookThrough(file, source.counts.rejected, replay.origin);
  const rejects = createRejects(context.rejectsDir, { ...replay, origin }, attempt);
  try {
    // Written down before the first bulk.
    const tag = replay.origin.ids === "store" ? await context.attempts.begin(replay.id, signal) : undefined;
    const tally = new RowTally(0);
    await new ReplayWork(replay, tag, pool, tally, rejects, context).run(rejectedLines(file, due, origin), signal);
    await rejects.commit();
    // How its lines were understood is counted already.
    const { parses: _, ...row } = tally.row(replay, { attempt, tag }, context.worker, performance.now() - begin);
    const { chunk, of, pipeline } = replay;
    return { ...row, replay: { chunk, of, attempt: source.attempt, pipeline } };
  } finally {
    await rejects.discard();
  }
}

class ReplayWork {
  readonly #replay: Replay;
  readonly #tag: string | undefined;
  readonly #pool: PipelinePool;
  readonly #tally: RowTally;
  readonly #rejects: Rejects;
  readonly #context: ReplayContext;
  readonly #calendars = new Calendars();

  constructor(
    replay: Replay,
    tag: string | undefined,
    pool: PipelinePool,
    tally: RowTally,
    rejects: Rejects,
    context: ReplayContext,
  ) {
    this.#replay = replay;
    this.#tag = tag;
    this.#pool = pool;
    this.#tally = tally;
    this.#rejects = rejects;
    this.#context = context;
  }

  /** Lines go each their own way, as many as their memory allows: the sink puts them into one request. Returns when nothing is under way any more. */
  async run(lines: AsyncIterable<RejectedLine>, signal: AbortSignal): Promise<void> {
    const { budgets } = this.#context;
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const under = new Set<Promise<void>>();
    let held = 0;
    try {
      for await (const line of lines) {
        either.throwIfAborted();
        const room = roomFor(line.block.length);
        held += room;
        const one: Promise<void> = this.#line(line, either)
          .catch((error: unknown) => failed.abort(error))
          .finally(() => {
            under.delete(one);
            held -= room;
          });
        under.add(one);
        while (held > budgets.bulkBytes * budgets.requestsInFlight && under.size > 0) await Promise.race(under);
      }
    } finally {
      await Promise.all(under);
    }
    either.throwIfAborted();
  }

  async #line(line: RejectedLine, signal: AbortSignal): Promise<void> {
    const { rateLimit, meter, load, sink } = this.#context;
    const pool = this.#pool;
    if (!standsAlone(line, this.#calendars)) return await this.#keep(line.documents);
    const { offset, bytes, origin, documents } = line;
    const isParsed = load.parsing.begin();
    const batch = await pool.run(line.block, offset, origin, { bytes, attempt: this.#tag }).finally(isParsed);
    meter.count("parse.cpu", batch.cpuMicros);
    if (!isAsRejected(batch, line)) return await this.#keep(documents);
    this.#tally.parsed(batch, batch.cpuMicros);
    const isLet = load.limited.begin();
    await rateLimit.take(documents.length, bytes, signal).finally(isLet);
    const isAnswered = load.sending.begin();
    const result = await sink.write(batch, signal).finally(isAnswered);
    meter.count("documents.indexed", result.written);
    meter.count("documents.duplicate", result.duplicate);
    meter.count("documents.rejected", result.exceptions.length);
    const raw = Buffer.from(documents[0]?.raw ?? "", "base64");
    const rejected = await this.#rejects.add(batch, result, () => Promise.resolve(raw));
    this.#tally.settled(result.written, result.duplicate, rejected);
    pool.memory.give(batch.body.buffer as ArrayBuffer);
  }

  async #keep(documents: readonly RejectedDocument[]): Promise<void> {
    await this.#rejects.keep(documents, NEEDS_ARCHIVE);
    const { fileId } = this.#replay.origin;
    this.#tally.kept(
      NEEDS_ARCHIVE.type,
      documents.map(({ program = NO_PROGRAM, word = NO_WORD, offset }) => ({
        program,
        word,
        cause: NEEDS_ARCHIVE.type,
        lines: 1,
        fileId,
        offset,
      })),
    );
  }
}

/**
 * Documents by the offset of their line, and the file's origin with what they say of it. Nothing is sent of a rejects file that is not as the ledger says.
 */
async function lookThrough(
  file: string,
  rejected: number,
  planned: Origin,
): Promise<{ due: ReadonlyMap<number, number>; origin: Origin }> {
  const due = new Map<number, number>();
  // Then there is no file.
  if (rejected === 0) return { due, origin: planned };
  let documents = 0;
  let origin = planned;
  for await (const { offset, secondFolds } of read(file)) {
    documents += 1;
    due.set(offset, (due.get(offset) ?? 0) + 1);
    // The same in all.
    if (secondFolds) origin = { ...planned, secondFolds };
  }
  if (documents === rejected) return { due, origin };
  throw new StoreError(
    "REJECTS_MISSING",
    `${file} holds ${String(documents)} rejected documents, the ledger has ${String(rejected)}; look at who changes files in the campaign's staging directory`,
    { context: { file } },
  );
}

/** The lines of a rejects file. Bulks under way at the same time wrote it, so the documents of one line need not stand together. */
async function* rejectedLines(
  file: string,
  due: ReadonlyMap<number, number>,
  origin: Origin,
): AsyncGenerator<RejectedLine> {
  if (due.size === 0) return;
  const begun = new Map<number, RejectedDocument[]>();
  for await (const document of read(file)) {
    const { offset } = document;
    const [first, ...others] = [...(begun.get(offset) ?? []), document] as const;
    if (others.length + 1 < (due.get(offset) ?? 1)) begun.set(offset, [first, ...others]);
    else {
      begun.delete(offset);
      yield rejectedLine([first, ...others], origin);
    }
  }
}

async function* read(file: string): AsyncGenerator<RejectedDocument> {
  try {
    yield* readRejectedDocuments(file);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new StoreError(
      isMissing ? "REJECTS_MISSING" : "STAGING_READ_FAILED",
      isMissing
        ? `the rejects ${file} are not there; look at who removes files from the campaign's staging directory`
        : `reading the rejects ${file} failed: ${describeError(error)}; look at the staging space on this node`,
      { retryable: true, cause: error, context: { file } },
    );
  }
}
