import { open } from "node:fs/promises";
import type { Chunk, Origin } from "./contract/chunk.ts";
import { DataError, StoreError } from "./contract/errors.ts";
import { findSecondFolds } from "./find-second-folds.ts";
import type { RangeReader } from "./framing/lines.ts";
import { openPlain, type OpenRange } from "./sources/plain.ts";

/** The bytes of a chunk, wherever they are: one reader with its own coordinates. */
export interface ChunkBytes extends AsyncDisposable {
  /** The chunk's origin, with what the file's lines say of it. */
  readonly origin: Origin;
  readonly reader: RangeReader;
  /** What to frame, and where the readable bytes end, in the reader's coordinates. */
  readonly range: { readonly start: number; readonly end: number };
  readonly length: number;
  /** Reader's offset + this = offset in the file after decompression. */
  readonly shift: number;
  /** To be called when all is read. @throws DataError `FILE_CHANGED` */
  check(): Promise<void>;
}

/** The error that asks for unpacking again; it never reaches the operator. */
export const BLOCK_MISSING = "BLOCK_MISSING";

/** @throws DataError `FILE_CHANGED`, `FILE_MISSING`, `FILE_UNREADABLE`, or `BLOCK_MISSING` (retryable); StoreError `STAGING_READ_FAILED` (retryable) */
export async function openChunk(chunk: Chunk): Promise<ChunkBytes> {
  const { source, range } = chunk;
  if (source.kind === "plain") {
    const file = await openPlain(source);
    return {
      origin: await withSecondFolds(chunk, file, source.size),
      reader: file,
      range,
      length: source.size,
      shift: 0,
      check: () => file.check(),
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  }
  // Exactly the lines of the chunk behind their lead: to the framing it looks like the end of a file of its own.
  const lead = source.lead ?? 0;
  const length = lead + source.bytes;
  const reader = source.bytes === 0 ? undefined : await openBlock(source.file, length);
  return {
    origin: chunk.origin,
    reader: reader ?? { read: () => Promise.resolve(0) },
    range: { start: lead, end: length },
    length,
    shift: source.offset - lead,
    check: () => Promise.resolve(),
    [Symbol.asyncDispose]: async () => reader?.close(),
  };
}

/** Of an unpacked file the unpacker has seen them, and says so in the chunk. */
async function withSecondFolds(chunk: Chunk, file: OpenRange, length: number): Promise<Origin> {
  try {
    const secondFolds = await findSecondFolds(file, length, chunk.origin, chunk.range);
    return secondFolds.length === 0 ? chunk.origin : { ...chunk.origin, secondFolds: [...secondFolds] };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

async function openBlock(file: string, bytes: number): Promise<RangeReader & { close(): Promise<void> }> {
  const missing = (cause?: unknown): DataError =>
    new DataError(BLOCK_MISSING, `the staged block ${file} is missing`, { retryable: true, cause, context: { file } });
  const unreadable = (cause: unknown): StoreError =>
    new StoreError(
      "STAGING_READ_FAILED",
      `reading the staged block ${file} failed; look at the staging space on this node`,
      { retryable: true, cause, context: { file, errno: (cause as NodeJS.ErrnoException).code ?? "" } },
    );
  let handle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? missing(error) : unreadable(error);
  }
  const { size } = await handle.stat();
  if (size !== bytes) {
    await handle.close();
    throw missing();
  }
  return {
    async read(position, target) {
      try {
        const { bytesRead } = await handle.read(target, 0, target.length, position);
        return bytesRead;
      } catch (error) {
        throw unreadable(error);
      }
    },
    close: () => handle.close(),
  };
}
