import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A disk so small that a test can fill it. */
export interface SmallDisk {
  readonly dir: string;
  /** Fills it until so many bytes are free; may be repeated, as others give room back. */
  fill(freeBytes: number): void;
  /** Takes away what filled it. */
  free(): void;
  /** Unmounts it, whoever still uses it. */
  remove(): void;
}

const MiB = 2 ** 20;

/** Mounts one on `dir`, which everybody may write. @returns undefined where nobody may mount, as in many a container */
export function mountSmallDisk(dir: string, bytes: number): SmallDisk | undefined {
  mkdirSync(dir, { recursive: true });
  const mount = ["-t", "tmpfs", "-o", `size=${String(bytes)},mode=1777`, "tmpfs", dir];
  if (spawnSync("mount", mount, { stdio: "ignore" }).status !== 0) return undefined;
  const ballast = join(dir, "ballast");
  return {
    dir,
    fill(freeBytes) {
      const { bavail, bsize } = statfsSync(dir);
      const file = openSync(ballast, "a");
      try {
        const zeros = Buffer.alloc(MiB);
        for (let left = bavail * bsize - freeBytes; left > 0;) {
          left -= writeSync(file, zeros, 0, Math.min(left, zeros.length));
        }
      } catch (error) {
        // Somebody else took the last of it: full is full.
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      } finally {
        closeSync(file);
      }
    },
    free() {
      rmSync(ballast, { force: true });
    },
    remove() {
      spawnSync("umount", ["-l", dir], { stdio: "ignore" });
    },
  };
}
