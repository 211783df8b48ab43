/**
 * Why a line was not understood: the value of `unparsed` in its document and the key of its count. Such a line is
 * stored all the same. The numbers index counters.
 */
export const UNPARSED_KINDS = [
  /** Nothing before the line end. */
  "empty",
  /** Holds a NUL byte, as files do after a crash; `message` keeps it. */
  "nul",
  /** Is neither UTF-8 nor of the encoding that is named for its file; `message` has U+FFFD instead, `raw` the line's bytes. */
  "bad-utf8",
  /** The timestamp has the right shape, but there is no such time: `Feb 30 12:00:00`. */
  "bad-date",
  /** Does not begin with a timestamp and a host or program behind it. */
  "no-header",
] as const;
export type UnparsedKind = (typeof UNPARSED_KINDS)[number];

/**
 * What `tags` can hold. A line whose header could be read keeps its fields even when it counts as unparsed for its
 * bytes; only `_unparsed` says that `message` is the whole line.
 */
export const TAGS = {
  /** No header: `message` is the whole line, `@timestamp` the beginning of the first day that the path names. */
  unparsed: "_unparsed",
  nul: "_nul",
  badUtf8: "_bad_utf8",
  /** Was not UTF-8 and was decoded, whole, from the encoding that the file's origin names. */
  decoded: "_decoded",
  /** Only the beginning of the line is stored; `length` is its real length. */
  truncated: "_truncated",
  /** The message is longer than any that a pipeline looks at. */
  tooLong: "_too_long",
  /** Was not written: a line that says how often the message before it came stands for it. */
  repeated: "_repeated",
} as const;

/**
 * The most that the text of one document takes in JSON: an ordinary line of up to 16 MiB is stored whole. A data node
 * refuses, for ever, a request larger than a tenth of its heap, and a control character takes six bytes: so it is the JSON
 * text that is limited, and a hole of NUL bytes is cut sooner.
 * @source Elasticsearch 8.19 with a heap of 700 MB: 429 for one document of 92 MB, 201 for 52 MB
 */
export const KEPT_TEXT_BYTES = 16 * 1024 * 1024;
/** What is kept of a line that is not UTF-8, whose bytes are stored beside its text; always less than the limit above. */
export const KEPT_RAW_LINE_BYTES = 2 * 1024 * 1024;
/**
 * A longer message is stored, and tagged `_too_long`, but no pipeline looks at it: no program writes such a message, and what patterns
 * capture of it would multiply it.
 */
export const LONGEST_MESSAGE = 65_536;

/** Whether a document's tags leave its line read: not only its bytes are known. */
export function isHeaderRead(tags: unknown): boolean {
  return !(Array.isArray(tags) && tags.includes(TAGS.unparsed));
}
