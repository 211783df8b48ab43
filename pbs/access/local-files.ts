import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { asFilesFailed, draftOf, type FileStore } from "./file-store.ts";

/** The store of a site where the orchestrator and the nodes share a file system. */
export function localFiles(): FileStore {
  return {
    makeDir: (dir, mode = 0o755) => orFail("make the directory", dir, () => makeDirs(dir, mode)),
    write: (file, content, mode = 0o644) =>
      orFail("write", file, () =>
        throughDraft(file, mode, async (draft) => {
          const handle = await open(draft, "wx", mode & 0o700);
          try {
            await handle.writeFile(content);
          } finally {
            await handle.close();
          }
        }),
      ),
    read: (file) => orFail("read", file, () => unlessMissing(readFile(file))),
    stat: (path) =>
      orFail("look at", path, async () => {
        const found = await unlessMissing(stat(path));
        if (!found) return undefined;
        const kind = found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
        return { kind, bytes: found.size, mode: found.mode & 0o7777 };
      }),
    publish: (from, to) =>
      orFail("name", to, async () => {
        if (await unlessMissing(stat(to))) return false;
        try {
          await rename(from, to);
          return true;
        } catch (error) {
          // Somebody else was quicker.
          if (["ENOTEMPTY", "EEXIST", "ENOTDIR", "EISDIR"].includes(codeOf(error)) && (await unlessMissing(stat(to)))) {
            return false;
          }
          throw error;
        }
      }),
    remove: (path) => orFail("remove", path, () => rm(path, { recursive: true, force: true })),
  };
}

async function makeDirs(dir: string, mode = 0o755): Promise<void> {
  const found = await unlessMissing(stat(dir));
  if (found?.isDirectory()) return;
  if (dirname(dir) !== dir) await makeDirs(dirname(dir));
  try {
    await mkdir(dir, { mode });
  } catch (error) {
    // Somebody else was quicker.
    if (codeOf(error) === "EEXIST" && (await stat(dir)).isDirectory()) return;
    throw error;
  }
  // The umask may have taken bits away.
  await chmod(dir, mode);
}

async function throughDraft(file: string, mode: number, fill: (draft: string) => Promise<void>): Promise<void> {
  const draft = draftOf(file, randomBytes(6).toString("hex"));
  try {
    await fill(draft);
    await chmod(draft, mode);
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function unlessMissing<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}

async function orFail<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asFilesFailed(what, path, "", error);
  }
}
