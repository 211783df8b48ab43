import { createReadStream } from "node:fs";
import type { Origin } from "./chunk.ts";

/** One line of a rejects file: a document that Elasticsearch refused for good. */
export interface RejectedDocument {
  readonly chunk: string;
  /** The file's identity and where the line begins in it, after decompression. */
  readonly file: string;
  readonly offset: number;
  readonly status: number;
  readonly type: string;
  readonly reason: string;
  readonly index: string;
  /** Empty where the store makes the ids. */
  readonly id: string;
  /** As the report groups rejects (`LineGroup`); absent in files of versions that did not write them. */
  readonly program?: string;
  readonly word?: string;
  /** The bytes of the line, its line end included, in base64. */
  readonly raw: string;
  /** How long the line is, when it is too long to be held and `raw` its beginning. */
  readonly bytes?: number;
  /** What the file's other lines say of the line's time (`Origin.secondFolds`), where they do. */
  readonly secondFolds?: Origin["secondFolds"];
}

const LF = 10;

/**
 * The documents of a rejects file, one at a time: a line may be as long as a line of a log in base64, and holds whatever Elasticsearch said, so that nothing
 * but a line feed ends it.
 * @throws what opening or reading the file throws
 */
export async function* readRejectedDocuments(file: string): AsyncGenerator<RejectedDocument> {
  let begun: Buffer[] = [];
  for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = piece.indexOf(LF); end >= 0; end = piece.indexOf(LF, start)) {
      const line = Buffer.concat([...begun, piece.subarray(start, end)]).toString("utf8");
      yield JSON.parse(line) as RejectedDocument;
      begun = [];
      start = end + 1;
    }
    if (start < piece.length) begun.push(piece.subarray(start));
  }
}

/** The name of a rejects file in the staging space. The ledger row tells the attempt that counts. */
export function rejectsFileName(id: string, attempt: number): string {
  return `${id}.${String(attempt)}.ndjson`;
}
