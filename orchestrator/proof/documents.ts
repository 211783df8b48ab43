import { ATTEMPT_FIELD } from "../../worker/contract/ids.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import type { EncodedBatch } from "../../worker/contract/pipeline.ts";
import type { RecomputedChunk } from "../../worker/contract/recompute.ts";
import type { RejectedDocument } from "../../worker/contract/rejected-document.ts";

/** The fields of a document. */
export type Source = Readonly<Record<string, unknown>>;

/** A document as the archive says it should be. */
export interface ExpectedDocument {
  readonly index: string;
  /** Derived from file and offset. Where the store makes the ids it is not the one that the document has. */
  readonly id: string;
  readonly offset: number;
  readonly source: Source;
}

/** A document as it stands in Elasticsearch. */
export interface FoundDocument {
  readonly index: string;
  readonly id: string;
  /** The field `offset`; -1 when there is none. */
  readonly offset: number;
  readonly source: Source;
}

const LF = 10;

/**
 * The documents that a chunk, or a replay, left in the store: what its lines make, without those that were rejected.
 * @param rejected those of the attempt that the row names
 */
export function* expectedDocuments(
  chunk: Pick<RecomputedChunk, "batches">,
  { tag }: Pick<LedgerRow, "tag">,
  rejected: readonly Pick<RejectedDocument, "offset" | "id">[],
): Generator<ExpectedDocument> {
  // By place, and where one line makes several documents by their ids.
  const ids = new Set(rejected.map(({ offset, id }) => `${String(offset)} ${id}`));
  const nameless = Map.groupBy(
    rejected.filter(({ id }) => id === ""),
    ({ offset }) => offset,
  );
  for (const batch of chunk.batches) {
    for (const document of documentsOf(batch)) {
      if (ids.has(`${String(document.offset)} ${document.id}`)) continue;
      if (nameless.get(document.offset)?.pop()) continue;
      yield tag === undefined ? document : { ...document, source: { ...document.source, [ATTEMPT_FIELD]: tag } };
    }
  }
}

function* documentsOf({ body, count, offsets, lengths }: EncodedBatch): Generator<ExpectedDocument> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  for (let i = 0, at = 0; i < count; i++) {
    const end = at + (lengths[i] ?? 0);
    const action = bytes.indexOf(LF, at);
    const { create } = JSON.parse(bytes.toString("utf8", at, action)) as {
      readonly create: { readonly _index: string; readonly _id: string };
    };
    const source = JSON.parse(bytes.toString("utf8", action + 1, end)) as Source;
    yield { index: create._index, id: create._id, offset: offsets[i] ?? 0, source };
    at = end;
  }
}
