import { ATTEMPT_FIELD, type Ids } from "../../../worker/contract/ids.ts";
import type { EncodedBatch } from "../../../worker/contract/pipeline.ts";

/** A way to give documents their identity. */
export interface Way {
  readonly name: string;
  readonly note: string;
  readonly ids: Ids;
  /** In place of the mappings that a campaign has for these fields. */
  readonly mappings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Changes a batch in its place. */
  readonly change?: (batch: EncodedBatch) => void;
}

const LF = 10;
const SPACE = 32;
/** As long as the tags of attempts. */
export const TAG = "0a1b2c3d4e";
const TAG_FIELD = `"@attempt":"${TAG}",`;
const INDEX_ACTION = Buffer.from('{"index" :');

/** What the parser has, and what stands beside it: one row more is one more object here. */
export const DERIVED = "derived";
export const STORE = "store";
export const UNTAGGED = "store, without the tag";
export const WAYS: readonly Way[] = [
  { name: DERIVED, note: "an id of file and offset, create", ids: "derived" },
  { name: STORE, note: "no id, create, the attempt's tag", ids: "store" },
  {
    name: UNTAGGED,
    note: "blanks in the place of the tag",
    ids: "store",
    change: (batch) =>
      eachDocument(batch, (body, action, document) => body.fill(SPACE, document + 1, document + 1 + TAG_FIELD.length)),
  },
  {
    name: "store, doc values",
    note: "the tag could be sorted and counted by, too",
    ids: "store",
    mappings: { [ATTEMPT_FIELD]: { type: "keyword", doc_values: true } },
  },
  {
    name: "store, points",
    note: "the offset could be looked for without its file, too",
    ids: "store",
    mappings: { offset: { type: "long" } },
  },
  {
    name: "store, index",
    note: "the action index, which the loader's role may not",
    ids: "store",
    change: (batch) => eachDocument(batch, (body, action) => INDEX_ACTION.copy(body, action)),
  },
];

/** Calls with the places where the action and the document of each begin. */
function eachDocument(batch: EncodedBatch, visit: (body: Buffer, action: number, document: number) => void): void {
  const { buffer, byteOffset, byteLength } = batch.body;
  const body = Buffer.from(buffer, byteOffset, byteLength);
  let at = 0;
  for (const length of batch.lengths) {
    visit(body, at, body.indexOf(LF, at) + 1);
    at += length;
  }
}
