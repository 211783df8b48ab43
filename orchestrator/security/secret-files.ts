import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { GridError } from "../../worker/contract/errors.ts";

/**
 * Writes a file that only we can read, whole or not at all: readers see the old text or the new one.
 * The mode holds from the first byte on, whatever the umask.
 */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
    await handle.close();
    await rename(draft, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(draft, { force: true });
    throw error;
  }
}

/** The text of a secrets file; undefined when there is none. @throws GridError `SECRETS_UNREADABLE` */
export async function readSecretFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new GridError("SECRETS_UNREADABLE", `cannot read ${file}; run as the user who launched the campaign`, {
      cause,
      context: { file },
    });
  }
}
