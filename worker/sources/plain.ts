import type { RangeReader } from "../framing/lines.ts";
import { checkUnchanged, fileError, openFile, type ExpectedFile } from "./file-access.ts";
import type { Source } from "./source.ts";

const READ_BYTES = 256 * 1024;

/** Random access to a plain file of the archive. */
export interface OpenRange extends RangeReader, AsyncDisposable {
  /** @throws DataError `FILE_CHANGED` when the file is no longer the planned one: what was read is then worthless. */
  check(): Promise<void>;
}

/** Opens the planned file and checks that it is still the one. @throws DataError `FILE_CHANGED`, `FILE_MISSING`, `FILE_UNREADABLE` */
export async function openPlain(expected: ExpectedFile): Promise<OpenRange> {
  const handle = await openFile(expected.file);
  try {
    await checkUnchanged(handle, expected);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return {
    async read(position, target) {
      try {
        const { bytesRead } = await handle.read(target, 0, target.length, position);
        return bytesRead;
      } catch (error) {
        throw fileError(expected.file, error);
      }
    },
    check: () => checkUnchanged(handle, expected),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** A file whose bytes are its lines. */
export const plain: Source = {
  format: "plain",
  async *open(file, signal) {
    await using handle = await openFile(file);
    yield { kind: "member", index: 0 };
    for (;;) {
      signal.throwIfAborted();
      const buffer = new Uint8Array(READ_BYTES);
      let bytesRead: number;
      try {
        ({ bytesRead } = await handle.read(buffer, 0, READ_BYTES));
      } catch (error) {
        throw fileError(file, error);
      }
      if (bytesRead === 0) return;
      yield { kind: "bytes", bytes: buffer.subarray(0, bytesRead) };
    }
  },
};
