import { open } from "node:fs/promises";

/** Pieces are written together when they have so many characters. */
const BUFFERED = 2 ** 20;

/**
 * Writes a text piece by piece, so that a large one never stands in memory as one, and syncs it.
 * @returns what the generator returns
 */
export async function writePieces<T>(path: string, pieces: Generator<string, T>): Promise<T> {
  await using handle = await open(path, "w");
  let text = "";
  let next = pieces.next();
  for (; !next.done; next = pieces.next()) {
    text += next.value;
    if (text.length < BUFFERED) continue;
    await handle.appendFile(text);
    text = "";
  }
  await handle.appendFile(text);
  await handle.sync();
  return next.value;
}
