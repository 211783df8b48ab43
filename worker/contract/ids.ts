/**
 * Who makes the `_id` of documents, pinned in the plan.
 *
 * `derived`: the parser, of file and offset: what is sent twice is written once.
 * `store`: Elasticsearch, which costs it less. Each delivery of a chunk to a parser then tags its documents with a word of its own, and
 * those of deliveries that were not committed are deleted.
 */
export const IDS = ["derived", "store"] as const;
export type Ids = (typeof IDS)[number];

/** The field with the tag of the attempt that wrote a document. No event sees it, and none has one of this name. */
export const ATTEMPT_FIELD = "@attempt";
