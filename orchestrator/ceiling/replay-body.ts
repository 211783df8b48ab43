import type { EncodedBatch } from "../../worker/contract/pipeline.ts";

/** Bytes of a document's id that name its file. */
const FILE_ID_BYTES = 12;
const ID = Buffer.from('"_id":"');
const LF = 10;

/**
 * A bulk body that can be sent again and again: each time its documents get ids of another file, which is written over the bytes that are
 * there. Where the store makes the ids itself there is nothing to write over.
 */
export class ReplayBody {
  readonly bytes: Buffer;
  readonly documents: number;
  /** Where the file's part of each id begins. */
  readonly #ids: readonly number[];

  /** @param batches whose bodies it holds, one after the other */
  constructor(batches: readonly Pick<EncodedBatch, "body" | "count" | "lengths">[]) {
    this.bytes = Buffer.concat(batches.map(({ body }) => body));
    this.documents = batches.reduce((sum, { count }) => sum + count, 0);
    const ids: number[] = [];
    let at = 0;
    for (const { count, lengths } of batches) {
      for (let i = 0; i < count; i++) {
        const id = this.bytes.indexOf(ID, at);
        // In the action's line, not in the document's own.
        if (id >= 0 && id < this.bytes.indexOf(LF, at)) ids.push(id + ID.length);
        at += lengths[i] ?? 0;
      }
    }
    this.#ids = ids;
  }

  /** @param number another one each time: none that was used for this sample before */
  stamp(number: number): void {
    const fileId = Buffer.from(number.toString(32).padStart(FILE_ID_BYTES, "0"));
    for (const at of this.#ids) fileId.copy(this.bytes, at);
  }
}

/** A body of about so many bytes, of these batches in turn from one of them on. Pure. */
export function fillBody<T extends Pick<EncodedBatch, "body" | "count" | "lengths">>(
  batches: readonly T[],
  bytes: number,
  from: number,
): readonly T[] {
  const taken: T[] = [];
  for (let length = 0, i = from; length < bytes; i++) {
    const next = batches[i % batches.length];
    if (!next) break;
    if (taken.length > 0 && length + next.body.length > bytes) break;
    taken.push(next);
    length += next.body.length;
  }
  return taken;
}
