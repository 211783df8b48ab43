import {
  FORMAT_HEAD_BYTES,
  isReadable,
  recogniseFormat,
  unsupportedFormat,
  type ArchiveFormat,
  type ReadableFormat,
} from "../contract/archive-format.ts";
import { fileError, openFile } from "./file-access.ts";
import { gzip } from "./gzip.ts";
import { plain } from "./plain.ts";
import { sevenZip } from "./seven-zip.ts";
import type { Source } from "./source.ts";

/** Every source by its format. */
export const SOURCES: Readonly<Record<ReadableFormat, Source>> = { plain, gzip, "7z": sevenZip };

/** The format of a file, by its first bytes; its name plays no part. */
export async function recognise(file: string): Promise<ArchiveFormat> {
  await using handle = await openFile(file);
  const head = new Uint8Array(FORMAT_HEAD_BYTES);
  try {
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return recogniseFormat(head.subarray(0, bytesRead));
  } catch (error) {
    throw fileError(file, error);
  }
}

/** The source that reads a file. @throws DataError `FORMAT_UNSUPPORTED` for a known format without one */
export async function sourceOf(file: string): Promise<Source> {
  const format = await recognise(file);
  if (!isReadable(format)) throw unsupportedFormat(file, format);
  return SOURCES[format];
}
