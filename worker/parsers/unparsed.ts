/**
 * Why a line was not understood: the value of `unparsed` in its document and the key of its count. Such a line is
 * stored all the same. The numbers index counters.
 */
export const UNPARSED_KINDS = [
  /** Nothing before the line end. */
  "empty",
  /** Holds a NUL byte, as files do after a crash; `message` keeps it. */
  "nul",
  /** Is not UTF-8; `message` has U+FFFD instead, `raw` the line's bytes. */
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
  /** Only the beginning of the line is stored; `length` is its real length. */
  truncated: "_truncated",
} as const;

/**
 * Of a longer line only the first 16 MiB are stored. Elasticsearch takes no request of more than 100 MB, and every
 * byte of a line may need six in JSON.
 */
export const KEPT_LINE_BYTES = 16 * 1024 * 1024;
/** The same for a line that is not UTF-8, whose bytes are stored beside its text. */
export const KEPT_RAW_LINE_BYTES = 12 * 1024 * 1024;
