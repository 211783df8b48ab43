import type { Origin } from "../contract/chunk.ts";
import { ATTEMPT_FIELD } from "../contract/ids.ts";
import { piece } from "./json-writer.ts";

/** Digits of ids. */
export const BASE32HEX = Buffer.from("0123456789abcdefghijklmnopqrstuv");
/** Characters of an `_id` that tell the line's offset. */
export const ID_BYTES = 8;
export const MESSAGE = piece(',"message":"');

/** A host as a document has it. */
export function hostField(name: string): Uint8Array {
  return piece(`,"host":${JSON.stringify(name)}`);
}

/** What all documents of one file have in common, as bytes. */
export class DocumentPieces {
  readonly hasIds: boolean;
  /** By index: `{"create":{"_index":"…","_id":"<fileId>`, or as far as the index's name where the store makes the ids. */
  readonly actions: readonly Uint8Array[];
  /** Stands between those, with the line's part of the id, and the fields of its event. */
  readonly beforeEvent: Uint8Array;
  /** Behind the message: `","file":"…","offset":`. */
  readonly file: Uint8Array;
  readonly service: Uint8Array;
  /** The path's collector; empty when it names none. */
  readonly collector: Uint8Array;
  /** Service and collector: what stands behind the offset in most documents. */
  readonly ending: Uint8Array;
  /** The most that a document takes of all this. */
  readonly bytes: number;

  /** @param attempt the tag of the attempt; absent: documents have ids */
  constructor(origin: Origin, indexNames: readonly string[], attempt: string | undefined) {
    this.hasIds = attempt === undefined;
    const beginning = this.hasIds ? `","_id":"${origin.fileId}` : "";
    this.actions = indexNames.map((name) =>
      piece(`{"create":{"_index":${JSON.stringify(name).slice(0, -1)}${beginning}`),
    );
    const tag = attempt === undefined ? "" : `"${ATTEMPT_FIELD}":${JSON.stringify(attempt)},`;
    this.beforeEvent = piece(`"}}\n{${tag}`);
    this.file = piece(`","file":${JSON.stringify(origin.path)},"offset":`);
    const service = `,"service":${JSON.stringify(origin.service)}`;
    const collector = origin.collector === undefined ? "" : `,"collector":${JSON.stringify(origin.collector)}`;
    this.service = piece(service);
    this.collector = piece(collector);
    this.ending = piece(`${service}${collector}`);
    const action = Math.max(...this.actions.map((bytes) => bytes.length));
    this.bytes = action + this.beforeEvent.length + this.file.length + this.ending.length;
  }
}
