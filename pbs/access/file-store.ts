import { BackfillError, GridError } from "../../worker/contract/errors.ts";

export interface FileStat {
  readonly kind: "file" | "directory" | "other";
  readonly bytes: number;
  /** Permission bits. */
  readonly mode: number;
}

/**
 * The files that nodes and frontend see, where the orchestrator writes what jobs read and reads what they wrote. Paths are absolute, and mean the same on
 * every node. Links are followed.
 * @throws GridError, retryable: `FILES_FAILED` for what the file system refuses (disks are full, and file servers away, for a while); over ssh also
 *   `SSH_UNREACHABLE`, `SSH_LOST`, `COMMAND_TIMEOUT`
 */
export interface FileStore {
  /** Makes the directory, and those above it that are missing with mode 0755. One that is there stays as it is. */
  makeDir(dir: string, mode?: number): Promise<void>;
  /** A reader sees the old content or the new one, and never with other permission bits than these, whatever the umask is. Default 0644. */
  write(file: string, content: string | Uint8Array, mode?: number): Promise<void>;
  /** Undefined when there is no such file. For files of some megabytes at most. */
  read(file: string): Promise<Buffer | undefined>;
  /** Undefined when there is nothing. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Gives a file or a directory its name. @returns false when something is there already; then `from` is left too */
  publish(from: string, to: string): Promise<boolean>;
  /** Removes a file, or a directory with all that is in it; links themselves, never what they point to. Nothing there is fine. */
  remove(path: string): Promise<void>;
}

/** The name of a draft beside a file. */
export function draftOf(file: string, random: string): string {
  return `${file}.${random}.tmp`;
}

export function filesFailed(what: string, path: string, where: string, why: string, cause?: unknown): GridError {
  return new GridError(
    "FILES_FAILED",
    `cannot ${what} ${path}${where === "" ? "" : ` on ${where}`}: ${why}; see that the directory is writable and its disk not full`,
    { retryable: true, cause, context: { path } },
  );
}

/** What is known already keeps its code. */
export function asFilesFailed(what: string, path: string, where: string, error: unknown): BackfillError {
  if (error instanceof BackfillError) return error;
  return filesFailed(what, path, where, error instanceof Error ? error.message : String(error), error);
}
