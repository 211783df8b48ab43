import type { Origin } from "./chunk.ts";
import type { ParseCounts } from "./parse-counts.ts";

/**
 * The seams of the hot path: `Pipeline.run(block) → EncodedBatch → Sink.write`.
 * No object per line passes through them.
 */

/** What a pipeline counted while it encoded a batch. */
export interface Tallies {
  /**
   * Lines that the block held. Where repeated ones are written out (`Origin.repeated`), a line that stands for n counts n times, here as
   * in every other figure.
   */
  readonly read: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly unparsed: number;
  readonly droppedBy: Readonly<Record<string, number>>;
  readonly unparsedBy: Readonly<Record<string, number>>;
  /** Documents in the body by index. */
  readonly perIndex: Readonly<Record<string, number>>;
  /** How far the lines were understood: each of `read` once, by program. */
  readonly parses: ParseCounts;
}

/** Documents ready for the wire: NDJSON with action lines. */
export interface EncodedBatch {
  readonly body: Uint8Array;
  /** Documents in the body. `count + tallies.dropped = tallies.read`. */
  readonly count: number;
  /** For each document the byte offset of its line in the file, after decompression. */
  readonly offsets: Float64Array;
  /** Byte length of each document's action and source lines in `body`: where an item is when it must be sent again. */
  readonly lengths: Uint32Array;
  readonly tallies: Tallies;
  /**
   * The tag in each document, whose `_id` is then the store's: what is sent twice is written twice, and what became of a request
   * without an answer nobody can tell. Absent: documents bring their ids.
   */
  readonly attempt?: string;
}

/** What a block is beside its bytes. */
export interface RunOptions {
  /**
   * Bytes of the file that the block stands for: more than its length when it is the beginning of one line that is too long to be
   * held (`LineBlock.bytes`).
   */
  readonly bytes?: number | undefined;
  /**
   * Bytes at the block's beginning that stand before its lines in the file: `LOOK_BACK_BYTES`, or all there are, where the origin wants
   * repeated lines written out; else none.
   */
  readonly lead?: number;
  /** The tag of the attempt, where the store makes the ids; absent: they are derived. */
  readonly attempt?: string | undefined;
  /** Of a batch that nobody needs any more: the body is written there if there is room. */
  readonly memory?: ArrayBuffer;
}

/**
 * Turns bytes into documents. Pure: the same block, origin, offset and tag give the same bytes. The only thing that sees a line.
 * Never throws on content: a line that it cannot read becomes a document tagged unparsed.
 */
export interface Pipeline {
  readonly hash: string;
  /**
   * @param block whole lines; the last one may lack its line end only at the end of the file
   * @param base byte offset of `block[lead]` in the file, after decompression
   */
  run(block: Uint8Array, base: number, origin: Origin, options?: RunOptions): EncodedBatch;
}

/** The fate of one document that was neither written nor a duplicate. */
export type Outcome =
  /** 429, 5xx, lost connection: send again. */
  | { readonly kind: "retry"; readonly reason: string }
  /** A mapping error or the like: never retried, always stored with its reason. */
  | { readonly kind: "rejected"; readonly status: number; readonly type: string; readonly reason: string };

/** `written + duplicate + exceptions.length = count`; an exception names its document by index. */
export interface WriteResult {
  readonly written: number;
  readonly duplicate: number;
  readonly exceptions: readonly (readonly [index: number, outcome: Outcome])[];
}

/**
 * A destination. `write` settles every document of the batch: it retries what can be
 * retried until the signal aborts, so the exceptions that it returns are rejections.
 * @throws StoreError (retryable) when it was aborted or gave up; nothing is then known
 *   of the batch. Doing it again changes nothing; a batch with the tag of an attempt is lost with its attempt, `WRITE_UNCERTAIN`.
 */
export interface Sink extends AsyncDisposable {
  check(signal: AbortSignal): Promise<void>;
  write(batch: EncodedBatch, signal: AbortSignal): Promise<WriteResult>;
}
