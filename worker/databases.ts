import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { ConfigError } from "./contract/errors.ts";
import type { Rules } from "./contract/rules.ts";
import type { MmdbOpener } from "./filters/filter.ts";

/** MaxMind databases by the names that pipelines use. */
export type Databases = ReadonlyMap<string, Uint8Array>;

/**
 * Reads databases where the rules say that they are. Threads can share the bytes: a database is larger than everything else that a
 * parser holds.
 * @throws ConfigError `DATABASE_UNFIT` for one that is missing, or is not the one that was planned: its documents would differ
 */
export async function readDatabases(databases: Rules["databases"]): Promise<Databases> {
  const read = new Map<string, Uint8Array>();
  for (const { name, file, bytes, sha256 } of databases) {
    const refuse = (problem: string, cause?: unknown): ConfigError =>
      new ConfigError(
        "DATABASE_UNFIT",
        `the database ${name} ${problem}; put back the file that was planned with where all nodes see it, or plan again`,
        { cause, context: { database: name, file } },
      );
    const content = await readShared(file, bytes).catch((cause: unknown) => {
      throw refuse(`cannot be read from ${file}`, cause);
    });
    if (!content) throw refuse(`is not the one that was planned: ${file} has another size than ${bytes} bytes`);
    if (createHash("sha256").update(content).digest("hex") !== sha256) {
      throw refuse(`is not the one that was planned: ${file} has another content (SHA-256)`);
    }
    read.set(name, content);
  }
  return read;
}

/** @returns undefined when the file is of another size */
async function readShared(file: string, bytes: number): Promise<Uint8Array | undefined> {
  const handle: FileHandle = await open(file, "r");
  try {
    if ((await handle.stat()).size !== bytes) return undefined;
    const content = new Uint8Array(new SharedArrayBuffer(bytes));
    for (let filled = 0; filled < bytes;) {
      const { bytesRead } = await handle.read(content, filled, bytes - filled, filled);
      if (bytesRead === 0) return undefined;
      filled += bytesRead;
    }
    return content;
  } finally {
    await handle.close();
  }
}

/** Gives filters what has been read. */
export function openerOf(databases: Databases): MmdbOpener {
  return {
    open(name) {
      const found = databases.get(name);
      if (found) return found;
      const known = [...databases.keys()];
      throw new ConfigError(
        "PIPELINE_INVALID",
        `there is no database ${name}; name its file in the configuration, under pipelines.databases` +
          (known.length > 0 ? ` (there: ${known.join(", ")})` : ""),
      );
    },
  };
}
