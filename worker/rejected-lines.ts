import type { Origin } from "./contract/chunk.ts";
import type { EncodedBatch } from "./contract/pipeline.ts";
import type { RejectedDocument } from "./contract/rejected-document.ts";
import { speaksOfAnother } from "./parsers/repeat-expander.ts";
import { Calendars } from "./time/calendars.ts";

/** A line of which documents were rejected: one, or as many as it was written out as. */
export interface RejectedLine {
  readonly offset: number;
  /** Its bytes, or the beginning of a line that is too long to be held; nobody else uses their buffer. */
  readonly block: Uint8Array<ArrayBuffer>;
  /** How long the line is. */
  readonly bytes: number;
  /** The file's, with what its other lines say of it. */
  readonly origin: Origin;
  readonly documents: readonly RejectedDocument[];
}

/** The line of some documents of one offset. */
export function rejectedLine(
  documents: readonly [RejectedDocument, ...RejectedDocument[]],
  origin: Origin,
): RejectedLine {
  const [{ offset, raw, bytes, secondFolds }] = documents;
  const block = new Uint8Array(Buffer.from(raw, "base64"));
  return {
    offset,
    block,
    bytes: bytes ?? block.length,
    origin: secondFolds === undefined ? origin : { ...origin, secondFolds },
    documents,
  };
}

/**
 * Whether a line that is parsed alone makes what it made in its file, so that what was rejected of it can be made again: not one that was written out as n
 * lines and speaks of a message before it, nor one of which some copies were stored. To be asked before the line's block is given to a pipeline.
 */
export function standsAlone({ block, origin }: RejectedLine, calendars: Calendars): boolean {
  if (origin.repeated !== "expand") return true;
  return !speaksOfAnother(Buffer.from(block.buffer, block.byteOffset, block.length), calendars.of(origin));
}

/** Whether a pipeline made as many documents of a line as were rejected of it, or left them out on purpose. */
export function isAsRejected({ tallies }: EncodedBatch, { documents }: Pick<RejectedLine, "documents">): boolean {
  return tallies.read === documents.length;
}
