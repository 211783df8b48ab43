import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { identifyProcess, isAlive } from "../../worker/contract/process.ts";

const PREFIX = ".partial-";

/**
 * A private directory `<parent>/.partial-<pid>-<start>-<random>` for something that is to appear whole or not at all. The name says whose it is,
 * so that what a killed process left is removed by the next one. Removed at the end in every case, unless `publish` renamed it.
 */
export async function withPartialDir<T>(parent: string, work: (dir: string) => Promise<T>): Promise<T> {
  makeTraversableDir(parent);
  removeAbandoned(parent);
  const own = identifyProcess(process.pid);
  const dir = mkdtempSync(join(parent, `${PREFIX}${process.pid}-${own?.startTicks ?? 0}-`));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Renames `from` to `to`. Returns false when somebody else has published there in the meantime: theirs is as good. */
export function publish(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if ((code === "ENOTEMPTY" || code === "EEXIST") && existsSync(to)) return false;
    throw error;
  }
}

/** Makes the directory and its missing parents so that everybody may pass, whatever the umask is; existing ones stay as they are. */
export function makeTraversableDir(dir: string): void {
  if (existsSync(dir)) return;
  if (dirname(dir) !== dir) makeTraversableDir(dirname(dir));
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o755);
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const [pid, startTicks] = name.slice(PREFIX.length).split("-").map(Number);
    if (pid !== undefined && startTicks !== undefined && isAlive({ pid, startTicks })) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}
