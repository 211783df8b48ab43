import { z } from "zod";

/**
 * The messages of the spool. A chunk message is all that a worker needs: it names
 * the bytes, how to read them, and everything that is pinned for their lines.
 */

/** Bytes `[start, end)` of a file *after* decompression. */
const byteRange = z.strictObject({ start: z.int().nonnegative(), end: z.int().nonnegative() });

/**
 * What is pinned for every line of a file: equal on every attempt, so that a line
 * always gets the same `_id` in the same index.
 */
export const originSchema = z.strictObject({
  /** Short id of the file's identity, 12 characters of base32hex; first part of each document's `_id`. */
  fileId: z.string().regex(/^[0-9a-v]{12}$/),
  /** The identity: archive-relative path without its compression suffix, with the member's path inside an archive. */
  path: z.string().min(1),
  /** `YYYY-MM` that the path names. */
  month: z.string().regex(/^\d{4}-\d{2}$/),
  /** `YYYY-MM-DD`: the first day that the path names; what a line without a date gets. */
  firstDay: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
  /**
   * `YYYY-MM-DD`: no line is of a later day. Stated when the path names no year and it was taken from the file's date: then it
   * decides the year of a date that says none, else `month` does. See `time/year.ts`.
   */
  lastDay: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/)
    .optional(),
  /** IANA zone of the local times in the file. */
  timeZone: z.string().min(1),
  /** Zones of the hosts that lines name; the first pattern that fits counts, then `timeZone`. Absent: no host has its own. */
  hostZones: z.array(z.strictObject({ host: z.string().min(1), timeZone: z.string().min(1) })).optional(),
  /**
   * Where the file comes to the second of two equal local times of a zone: lines from `offset` on whose time lies in the stretch that
   * begins at `from` (seconds, as if the wall clock showed UTC) mean the second. A function of the file's bytes alone, found by
   * whoever reads them (`FoldFinder`); never in a plan.
   */
  secondFolds: z
    .array(z.strictObject({ timeZone: z.string(), from: z.int(), offset: z.int().nonnegative() }))
    .optional(),
  /** Encoding of lines that are not UTF-8, a label of the WHATWG; absent: such lines are kept as they are and count as unparsed. */
  encoding: z.string().optional(),
  /** `expand`: a line that says that the message before it came n more times is written out as n lines; absent: it is one, with n. */
  repeated: z.literal("expand").optional(),
  /** `store`: its documents carry the tag of their attempt in place of an `_id`; absent: ids are derived. See `Ids`. */
  ids: z.literal("store").optional(),
  /** The service that the layout names for the file, e.g. `syslog`, `auth`, `pbs`. */
  service: z.string(),
  /** The sender that the path names (the address of a per-host file), else absent. */
  collector: z.string().optional(),
  index: z.strictObject({ pattern: z.string(), revision: z.int().positive() }),
  /** Lines of programs with these prefixes are dropped and counted: they stand in another file of the plan too. */
  dropPrograms: z.array(z.string()),
});
export type Origin = z.infer<typeof originSchema>;

/** Where the bytes of a chunk are. */
const chunkSource = z.discriminatedUnion("kind", [
  /** A plain file of the archive. Size and modification time are checked: a changed file is not read. */
  z.strictObject({ kind: z.literal("plain"), file: z.string(), size: z.int(), mtimeMs: z.number() }),
  /**
   * A block in the staging space that unpacking wrote. It holds exactly the lines that
   * the chunk owns, behind its lead; the first line begins at byte `offset` of the file after decompression.
   */
  z.strictObject({
    kind: z.literal("staged"),
    file: z.string(),
    offset: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
    /** So many bytes of what stands before `offset` in the file precede these in the block, for looking back; absent: none. */
    lead: z.int().nonnegative().optional(),
    unpackId: z.string(),
  }),
]);

export const chunkSchema = z.strictObject({
  /** `<fileId>-<n>`: the n-th range of `chunkBytes` of the file. The same every time. */
  id: z.string(),
  origin: originSchema,
  /** A chunk owns the lines whose first byte lies in the range. */
  range: byteRange,
  format: z.literal("syslog"),
  source: chunkSource,
  /** Hash of the pipeline that must parse it; a worker with another one refuses. */
  pipeline: z.string(),
});
export type Chunk = z.infer<typeof chunkSchema>;

/** One file to come out of a compressed one. */
const memberSchema = z.strictObject({
  /** The path inside the archive as the archive lists it; empty for a gzip file. */
  member: z.string(),
  /** Size after decompression when the archive states it (7z does). */
  size: z.int().nonnegative().optional(),
  origin: originSchema,
});
export type UnpackMember = z.infer<typeof memberSchema>;

/** A message of the `unpack` queue: one compressed file, streamed once, cut into staged blocks. */
export const unpackSchema = z.strictObject({
  /** Short id of the compressed file's path; also the job id of its first run. */
  id: z.string(),
  format: z.enum(["gzip", "7z"]),
  file: z.string(),
  size: z.int(),
  mtimeMs: z.number(),
  /**
   * In the order in which the archive delivers them. Members that are not to be loaded have
   * no entry in `members`; they are read over.
   */
  members: z.array(memberSchema),
  /** The names and sizes of all members in stream order (7z only): where each begins in the stream. */
  stream: z.array(z.strictObject({ member: z.string(), size: z.int() })),
  chunkBytes: z.int().positive(),
  /** Directory for blocks, one folder per file id below it. */
  stagingDir: z.string(),
  /** Most bytes that all blocks of the campaign may occupy. */
  stagingLimitBytes: z.int().positive(),
  pipeline: z.string(),
});
export type Unpack = z.infer<typeof unpackSchema>;

/** What unpacking reports: the return value of its spool job. */
export interface UnpackResult {
  readonly unpackId: string;
  readonly files: readonly UnpackedFile[];
}

export interface UnpackedFile {
  readonly fileId: string;
  readonly path: string;
  /** Length after decompression, of what could be read. The chunks of the file must tile `[0, length)`. */
  readonly length: number;
  readonly chunks: number;
  /** Set when the compressed file broke off or was damaged: what was read before stays. */
  readonly truncatedAt?: number;
  readonly problem?: string;
}
