import type { Meter } from "../monitoring/index.ts";
import type { Attempts } from "./attempts.ts";
import { openChunk, type ChunkBytes } from "./chunk-source.ts";
import type { Chunk } from "./contract/chunk.ts";
import { ConfigError } from "./contract/errors.ts";
import type { LedgerRow } from "./contract/ledger.ts";
import type { EncodedBatch, Sink } from "./contract/pipeline.ts";
import type { Budgets } from "./contract/tuning.ts";
import { ownedBlocks, type LineBlock } from "./framing/lines.ts";
import { OwnedDigest } from "./owned-digest.ts";
import { LOOK_BACK_BYTES } from "./parsers/repeat-expander.ts";
import { waitedFor, type ParserLoad } from "./parser-load.ts";
import type { PipelinePool } from "./pipeline-pool.ts";
import type { RateLimit } from "./rate-limit.ts";
import { createRejects, readLine, type Rejects } from "./rejects.ts";
import { RowTally } from "./row-tally.ts";

/** What doing chunks needs; one for the process. */
export interface ChunkContext {
  readonly pool: PipelinePool;
  readonly sink: Pick<Sink, "write">;
  readonly rateLimit: RateLimit;
  readonly attempts: Attempts;
  readonly meter: Meter<"parser">;
  /** The job name of this parser, for the ledger. */
  readonly worker: string;
  /** Hash of the pipeline of this process. */
  readonly pipeline: string;
  /** What may be on its way to the store, of one chunk; may change at any time. */
  readonly budgets: Budgets;
  readonly load: ParserLoad;
  readonly rejectsDir: string;
}

/** A block is at least this long, so that a low rate limit does not make bulks of single lines. */
const SMALLEST_BLOCK = 16 * 1024;
/** Bytes of a bulk body for each byte of lines, until it is known. */
const FIRST_RATIO = 2;
/** Bytes of a line, for sizing blocks under a limit of events. */
const USUAL_LINE = 100;

/** Where nearly every line is dropped a body's worth of lines would be any number of them. */
const SMALLEST_RATIO = 0.25;

/** Bulk bytes per line byte, as the batches of this process showed it; undefined before the first. */
let bodyRatio: number | undefined;

/**
 * Does one chunk: read → frame → parse → rate limit → bulk, and adds up its ledger row. Up to `budgets.requestsInFlight` bulks are
 * under way while the next block is parsed and the one behind it is read.
 *
 * @param attempt which delivery this is, 1 for the first
 * @param signal ends the work promptly: then nothing is known of the chunk, and doing it again changes nothing
 * @throws ConfigError `PIPELINE_MISMATCH`; DataError `FILE_CHANGED`, `FILE_MISSING`, `FILE_UNREADABLE`, `BLOCK_MISSING`; StoreError
 */
export async function processChunk(
  chunk: Chunk,
  attempt: number,
  context: ChunkContext,
  signal: AbortSignal,
): Promise<LedgerRow> {
  if (chunk.pipeline !== context.pipeline) {
    throw new ConfigError(
      "PIPELINE_MISMATCH",
      `chunk ${chunk.id} was planned for the pipeline ${chunk.pipeline}, this parser has ${context.pipeline}; ` +
        "run the version that made the plan, or plan the month again",
      { context: { chunk: chunk.id } },
    );
  }
  const begin = performance.now();
  const isOpen = context.load.reading.begin();
  await using bytes = await openChunk(chunk).finally(isOpen);
  const owner = { id: chunk.id, chunk: chunk.id, origin: bytes.origin };
  const rejects = createRejects(context.rejectsDir, owner, attempt);
  try {
    // Written down before the first bulk.
    const tag = chunk.origin.ids === "store" ? await newTag(chunk, context, signal) : undefined;
    const tally = new RowTally(bytes.shift + bytes.range.start);
    const work = new ChunkWork(chunk, tag, bytes, tally, rejects, context);
    const sha256 = await work.run(signal);
    // A line that was appended to or changed under our eyes is not what was planned.
    await bytes.check();
    await rejects.commit();
    return { ...tally.row(chunk, { attempt, tag }, context.worker, performance.now() - begin), sha256 };
  } finally {
    await rejects.discard();
  }
}

async function newTag(chunk: Chunk, { attempts, load }: ChunkContext, signal: AbortSignal): Promise<string> {
  const isTold = load.asking.begin();
  return await attempts.begin(chunk.id, signal).finally(isTold);
}

class ChunkWork {
  readonly #chunk: Chunk;
  readonly #tag: string | undefined;
  readonly #bytes: ChunkBytes;
  readonly #tally: RowTally;
  readonly #rejects: Rejects;
  readonly #context: ChunkContext;

  constructor(
    chunk: Chunk,
    tag: string | undefined,
    bytes: ChunkBytes,
    tally: RowTally,
    rejects: Rejects,
    context: ChunkContext,
  ) {
    this.#chunk = chunk;
    this.#tag = tag;
    this.#bytes = bytes;
    this.#tally = tally;
    this.#rejects = rejects;
    this.#context = context;
  }

  /**
   * Returns when every document is settled; after a failure, when nothing is under way any more.
   * @returns the digest of what was read
   */
  async run(signal: AbortSignal): Promise<string> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const under = new Set<Promise<void>>();
    const digest = new OwnedDigest();
    try {
      const { reader, range, length, origin } = this.#bytes;
      const options = {
        lookBackBytes: origin.repeated === "expand" ? LOOK_BACK_BYTES : 0,
        memory: (bytes: number) => this.#context.pool.memory.take(bytes),
      };
      const blockBytes = await this.#blockBytes();
      const blocks = ownedBlocks(reader, range, length, blockBytes, options);
      for await (const block of waitedFor(blocks, this.#context.load.reading)) {
        either.throwIfAborted();
        this.#tally.cover(this.#bytes.shift + block.base, block.bytes);
        await digest.add(block, reader);
        const one: Promise<void> = this.#block(block, either)
          .catch((error: unknown) => failed.abort(error))
          .finally(() => under.delete(one));
        under.add(one);
        while (under.size > this.#context.budgets.requestsInFlight) await Promise.race(under);
      }
    } finally {
      await Promise.all(under);
    }
    either.throwIfAborted();
    return digest.hex();
  }

  async #block(block: LineBlock, signal: AbortSignal): Promise<void> {
    const { pool, rateLimit, meter, load } = this.#context;
    const { lead } = block;
    const length = block.block.length - lead;
    const base = this.#bytes.shift + block.base;
    const isParsed = load.parsing.begin();
    const batch = await pool
      .run(block.block, base, this.#bytes.origin, { bytes: block.bytes, lead, attempt: this.#tag })
      .finally(isParsed);
    const { tallies } = batch;
    const ratio = batch.body.length / Math.max(1, length);
    bodyRatio = bodyRatio === undefined ? ratio : bodyRatio * 0.9 + 0.1 * ratio;
    meter.count("lines.read", tallies.read);
    meter.count("lines.parsed", batch.count);
    meter.count("lines.dropped", tallies.dropped);
    meter.count("lines.unparsed", tallies.unparsed);
    meter.count("lines.bytes", block.bytes);
    meter.count("parse.cpu", batch.cpuMicros);
    this.#tally.parsed(batch, batch.cpuMicros);
    // Without limits this is all there is to wait for, and no limit's fault.
    const areKnown = load.asking.begin();
    await rateLimit.limits().finally(areKnown);
    const isLet = load.limited.begin();
    await rateLimit.take(tallies.read, block.bytes, signal).finally(isLet);
    await this.#send(batch, signal);
  }

  async #send(batch: EncodedBatch, signal: AbortSignal): Promise<void> {
    const { pool, sink, meter, load } = this.#context;
    const isAnswered = load.sending.begin();
    const result = await sink.write(batch, signal).finally(isAnswered);
    meter.count("documents.indexed", result.written);
    meter.count("documents.duplicate", result.duplicate);
    meter.count("documents.rejected", result.exceptions.length);
    const rejected = await this.#rejects.add(batch, result, (offset) =>
      readLine(this.#bytes.reader, offset - this.#bytes.shift, this.#bytes.length),
    );
    this.#tally.settled(result.written, result.duplicate, rejected);
    // Only now: a bulk that was given up may still be on its way to a node.
    pool.memory.give(batch.body.buffer as ArrayBuffer);
  }

  /** About one bulk, as large as it may be when the block is read; less under a limit, so that what is sent is spread over the second. */
  async #blockBytes(): Promise<() => number> {
    const { rateLimit, budgets, load } = this.#context;
    const areKnown = load.asking.begin();
    const { eventsPerSecond, bytesPerSecond } = await rateLimit.limits().finally(areKnown);
    const limits: number[] = [];
    if (eventsPerSecond > 0) limits.push((eventsPerSecond / 2) * USUAL_LINE);
    if (bytesPerSecond > 0) limits.push(bytesPerSecond / 2);
    return () => {
      const bulk = budgets.bulkBytes / Math.max(SMALLEST_RATIO, bodyRatio ?? FIRST_RATIO);
      return Math.max(SMALLEST_BLOCK, Math.floor(Math.min(bulk, ...limits)));
    };
  }
}
