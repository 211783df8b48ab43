import { open, type FileHandle } from "node:fs/promises";
import { BackfillError, DataError } from "../contract/errors.ts";

/** What the plan knew of a file. */
export interface ExpectedFile {
  readonly file: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Errors of one file that another attempt cannot mend; all others (EIO, ESTALE, EMFILE …) may pass. */
const PERMANENT: Readonly<Record<string, readonly [code: string, remedy: string]>> = {
  ENOENT: ["FILE_MISSING", "is not there any more; put it back, or plan the month again"],
  ENOTDIR: ["FILE_MISSING", "is not there any more; put it back, or plan the month again"],
  EACCES: ["FILE_UNREADABLE", "may not be read by this user; give it the right to read it"],
  EPERM: ["FILE_UNREADABLE", "may not be read by this user; give it the right to read it"],
  EISDIR: ["FILE_CHANGED", "has become a directory; plan the month again"],
};

/** The error of ours for what the file system said about a file of the archive. Errors of ours pass unchanged. */
export function fileError(file: string, cause: unknown): BackfillError {
  if (cause instanceof BackfillError) return cause;
  const errno = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  const known = PERMANENT[errno];
  if (known) return new DataError(known[0], `${file} ${known[1]}`, { cause, context: { file, errno } });
  return new DataError("FILE_READ_FAILED", `reading ${file} failed (${errno}); look at the file system it is on`, {
    retryable: true,
    cause,
    context: { file, errno },
  });
}

/** Opens a file for reading. @throws DataError as {@link fileError} */
export async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, "r");
  } catch (error) {
    throw fileError(file, error);
  }
}

/** @throws DataError `FILE_CHANGED` when the open file is not the one that was planned */
export async function checkUnchanged(handle: FileHandle, expected: ExpectedFile): Promise<void> {
  const stat = await handle.stat();
  if (stat.isFile() && stat.size === expected.size && stat.mtimeMs === expected.mtimeMs) return;
  throw new DataError(
    "FILE_CHANGED",
    `${expected.file} changed after the plan was made (${expected.size} bytes of ${date(expected.mtimeMs)} were planned, ` +
      `now ${stat.size} bytes of ${date(stat.mtimeMs)}); plan the month again`,
    { context: { file: expected.file, planned: expected.size, size: stat.size } },
  );
}

function date(ms: number): string {
  return new Date(ms).toISOString();
}
