import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { basename } from "node:path";

/** A disk in a file: a block device of its own, whose reading can be slowed down without slowing anything else. */
export interface ImageDisk {
  readonly dir: string;
  /** The numbers of its device: `7:0`. */
  readonly device: string;
  /** Takes the contents of all its files out of the page cache, so that they are read from the device again. */
  forget(): void;
  /** Unmounts it, whoever still uses it. */
  remove(): void;
}

/** Node has no `posix_fadvise`. */
const FORGET = `
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        file = os.open(os.path.join(folder, name), os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
`;

/**
 * Makes one of so many bytes, of which the file takes what is written, and mounts it on `dir`.
 * @param image the file, which is made
 * @returns undefined where nobody may mount, as in many a container
 */
export function mountImageDisk(image: string, dir: string, bytes: number): ImageDisk | undefined {
  const run = (program: string, ...words: readonly string[]): boolean =>
    spawnSync(program, words, { stdio: "ignore" }).status === 0;
  mkdirSync(dir, { recursive: true });
  const file = openSync(image, "w");
  ftruncateSync(file, bytes);
  closeSync(file);
  if (!run("mkfs.ext4", "-q", "-F", image)) return undefined;
  const loop = spawnSync("losetup", ["--find", "--show", image], { encoding: "utf8" });
  if (loop.status !== 0) return undefined;
  const node = loop.stdout.trim();
  if (!run("mount", node, dir)) {
    run("losetup", "--detach", node);
    return undefined;
  }
  return {
    dir,
    device: readFileSync(`/sys/block/${basename(node)}/dev`, "utf8").trim(),
    forget() {
      execFileSync("sync", ["-f", dir]);
      execFileSync("python3", ["-c", FORGET, dir]);
    },
    remove() {
      run("umount", "-l", dir);
      run("losetup", "--detach", node);
    },
  };
}
