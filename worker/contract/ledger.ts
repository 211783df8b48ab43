import type { LineGroup, ParseCounts } from "./parse-counts.ts";

/**
 * The ledger: one row for each committed chunk. The row is the return value of the
 * chunk's spool job, so BullMQ's lock token is the fence: an attempt that lost its
 * lock cannot commit.
 */

/**
 * `read = written + duplicate + dropped + rejected`. `unparsed` stands beside the sum,
 * since those lines are stored.
 */
export interface Counts {
  /** Lines that the chunk owns. */
  readonly read: number;
  /** Documents created by this attempt. */
  readonly written: number;
  /** Documents that an earlier attempt had created (409); none where the store makes the ids. */
  readonly duplicate: number;
  /** Lines left out on purpose, by reason in `droppedBy`. */
  readonly dropped: number;
  /** Documents that Elasticsearch refused for good; each is in the chunk's rejects file. */
  readonly rejected: number;
  /** Lines stored without having been understood. */
  readonly unparsed: number;
  /** Bytes of the lines read, line ends included. */
  readonly bytes: number;
}

export interface LedgerRow {
  readonly chunk: string;
  readonly fileId: string;
  /** Which delivery committed, 1 for the first. */
  readonly attempt: number;
  /** The tag in its documents, where the store makes their ids. Documents of the chunk with another one are leftovers. */
  readonly tag?: string;
  /** The job name of the parser that did it. */
  readonly worker: string;
  readonly counts: Counts;
  /** Documents in Elasticsearch (written + duplicate) by index. */
  readonly perIndex: Readonly<Record<string, number>>;
  readonly droppedBy: Readonly<Record<string, number>>;
  /** Rejected documents by error type. */
  readonly rejectedBy: Readonly<Record<string, number>>;
  /** Unparsed lines by kind. */
  readonly unparsedBy: Readonly<Record<string, number>>;
  /** How far the lines were understood, by program; absent in rows of versions that did not count it. */
  readonly parses?: ParseCounts;
  /** Rejected documents by program, error type and first word; absent when there is none. */
  readonly rejects?: readonly LineGroup[];
  /** The bytes that the lines of this chunk cover after decompression, `[first, last)`; equal when it owns none. */
  readonly covered: readonly [first: number, last: number];
  /** SHA-256 of these bytes in hex; absent in rows of versions that did not make it. */
  readonly sha256?: string;
  /** Of a replay, which reads no bytes of the archive: `covered` is empty, `chunk` its own id, and `counts.read` all that was rejected there. */
  readonly replay?: ReplayOf;
  /** Of a chunk, or a replay, that an earlier campaign of the month has done: its documents came out of that one's snapshot. */
  readonly carried?: Carried;
  /** Wall time of the attempt and the CPU that its parsing took. */
  readonly millis: number;
  readonly parseCpuMicros: number;
}

/** Who has loaded what a later revision of a month has taken over. */
export interface Carried {
  readonly campaign: string;
  /** Hash of the pipeline that made the chunk's documents. */
  readonly pipeline: string;
}

/** Whose rejected documents a replay has loaded again, and with what. */
export interface ReplayOf {
  /** The chunk that read their lines. */
  readonly chunk: string;
  /** The row that had rejected them, the chunk's or an earlier replay's, and its attempt: the items are those of its rejects file. */
  readonly of: string;
  readonly attempt: number;
  /** Hash of the pipeline. */
  readonly pipeline: string;
}

export const ZERO_COUNTS: Counts = {
  read: 0,
  written: 0,
  duplicate: 0,
  dropped: 0,
  rejected: 0,
  unparsed: 0,
  bytes: 0,
};

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    read: a.read + b.read,
    written: a.written + b.written,
    duplicate: a.duplicate + b.duplicate,
    dropped: a.dropped + b.dropped,
    rejected: a.rejected + b.rejected,
    unparsed: a.unparsed + b.unparsed,
    bytes: a.bytes + b.bytes,
  };
}
