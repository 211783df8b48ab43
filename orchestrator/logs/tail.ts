import { open, type FileHandle } from "node:fs/promises";

const BLOCK_BYTES = 64 * 1024;
const LINE_END = 10;

/** Where the last lines of a file begin; an unfinished line is one, too. Reads no more than these. */
export async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  const block = Buffer.alloc(BLOCK_BYTES);
  let found = 0;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    // It was cut meanwhile.
    if (bytesRead < end - start) return 0;
    for (let i = bytesRead - 1; i >= 0; i--) {
      // The end of the last line begins none.
      if (block[i] !== LINE_END || start + i === size - 1) continue;
      found += 1;
      if (found === lines) return start + i + 1;
    }
    end = start;
  }
  return 0;
}

/** The last lines of a file, without more of each than people read. None of a file that is not there. */
export async function lastLines(path: string, lines: number): Promise<readonly string[]> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch {
    return [];
  }
  try {
    const { size } = await file.stat();
    const from = Math.max(await tailOffset(file, lines), size - BLOCK_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const text = buffer.toString("utf8", 0, bytesRead).trimEnd();
    return text === "" ? [] : text.split("\n").map((line) => line.slice(-MOST_CHARACTERS));
  } finally {
    await file.close();
  }
}

const MOST_CHARACTERS = 300;
