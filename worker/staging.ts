import { mkdir, open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { StoreError } from "./contract/errors.ts";
import type { CampaignKeys } from "./contract/keys.ts";

/**
 * The staging space: blocks of unpacked files on a shared disk, and what they occupy, counted in Redis so that all
 * parsers together stay below the limit. A block is reserved before it is written and released when its chunk is
 * committed. Reserving and releasing twice changes nothing: the hash of blocks says who holds what.
 */

/** Grants when it fits, or when nothing is staged: a block larger than the whole limit must pass too. */
const RESERVE = `
local held = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
local more = tonumber(ARGV[2]) - held
if more <= 0 then return 1 end
local used = tonumber(redis.call('GET', KEYS[2]) or '0')
if ARGV[4] == '0' and used - held > 0 and used + more > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('INCRBY', KEYS[2], more)
return 1`;

const RELEASE = `
local held = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('DECRBY', KEYS[2], held)
return held`;

/** How often a full staging space is asked again. */
const ASK_AGAIN_MS = 200;
/** How often a waiting unpacker looks for blocks that nobody needs any more. */
const SWEEP_MS = 3000;

/** The path of a block. One folder per file id. */
export function blockFile(stagingDir: string, fileId: string, n: number): string {
  return join(stagingDir, fileId, String(n));
}

/** The path of a chunk's block, from the chunk's id `<fileId>-<n>`. */
export function blockFileOf(stagingDir: string, chunkId: string): string {
  const dash = chunkId.lastIndexOf("-");
  return join(stagingDir, chunkId.slice(0, dash), chunkId.slice(dash + 1));
}

/** The counters of the staging space. */
export interface Staging {
  /**
   * Waits until the block fits below the limit, and counts it.
   *
   * @param dispensable tells whether a block that is counted is needed no more (its chunk is committed): such blocks, left
   *   behind by a parser that was killed between commit and release, are removed while waiting
   */
  reserve(
    block: { readonly chunkId: string; readonly bytes: number; readonly dir: string; readonly limitBytes: number },
    dispensable: (chunkId: string) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Counts more bytes of a block that is being written, whether or not they fit: one giant line cannot be divided. */
  extend(chunkId: string, bytes: number): Promise<void>;
  /** Removes the block and its count. Without one it does nothing. */
  release(chunkId: string, file: string): Promise<void>;
}

/** @param redis a connection of the parser's, which retries for ever */
export function createStaging(redis: Redis, keys: CampaignKeys): Staging {
  const ask = async (chunkId: string, bytes: number, limitBytes: number, force: boolean): Promise<boolean> =>
    (await redis.eval(RESERVE, 2, keys.stagedBlocks, keys.stagedBytes, chunkId, bytes, limitBytes, force ? 1 : 0)) ===
    1;

  async function release(chunkId: string, file: string): Promise<void> {
    // The file first: a count without a block is swept, a block without a count is not seen.
    await rm(file, { force: true });
    await redis.eval(RELEASE, 2, keys.stagedBlocks, keys.stagedBytes, chunkId);
  }

  async function sweep(
    dir: string,
    dispensable: (chunkId: string) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const chunkId of await redis.hkeys(keys.stagedBlocks)) {
      signal.throwIfAborted();
      if (await dispensable(chunkId)) await release(chunkId, blockFileOf(dir, chunkId));
    }
  }

  return {
    async reserve({ chunkId, bytes, dir, limitBytes }, dispensable, signal) {
      let sweepAt = 0;
      while (!(await ask(chunkId, bytes, limitBytes, false))) {
        if (performance.now() >= sweepAt) {
          await sweep(dir, dispensable, signal);
          sweepAt = performance.now() + SWEEP_MS;
        } else {
          await delay(ASK_AGAIN_MS, undefined, { signal });
        }
      }
    },
    async extend(chunkId, bytes) {
      await ask(chunkId, bytes, 0, true);
    },
    release,
  };
}

/** A block on its way to the disk, under a name of its own until it is whole. */
export interface BlockWriter {
  write(bytes: readonly Uint8Array[]): Promise<void>;
  /** Gives the block its name; another attempt's equal block is replaced. */
  commit(): Promise<void>;
  /** Removes what was written, unless it was committed. */
  discard(): Promise<void>;
}

/** @param owner makes the name of the unfinished block unique: job and attempt. @throws StoreError `STAGING_WRITE_FAILED`, retryable */
export async function openBlock(file: string, owner: string): Promise<BlockWriter> {
  const unfinished = `${file}.${owner}.tmp`;
  let handle: FileHandle | undefined;
  let committed = false;
  try {
    await mkdir(dirname(file), { recursive: true });
    handle = await open(unfinished, "w");
  } catch (error) {
    throw writeError(file, error);
  }
  return {
    async write(bytes) {
      try {
        for (let list = bytes; list.length > 0; list = list.slice(512)) await writeAll(handle, list.slice(0, 512));
      } catch (error) {
        throw writeError(file, error);
      }
    },
    async commit() {
      try {
        await handle.close();
        await rename(unfinished, file);
        committed = true;
      } catch (error) {
        throw writeError(file, error);
      }
    },
    async discard() {
      if (committed) return;
      await handle.close().catch(() => undefined);
      await rm(unfinished, { force: true });
    },
  };
}

/** `writev` may write less than it was given, most of all shortly before a disk is full. */
async function writeAll(handle: FileHandle, list: readonly Uint8Array[]): Promise<void> {
  const { bytesWritten } = await handle.writev([...list]);
  let skip = bytesWritten;
  for (const bytes of list) {
    for (let at = Math.min(skip, bytes.length); at < bytes.length;) {
      at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
    }
    skip = Math.max(0, skip - bytes.length);
  }
}

/** Whether the block is there with the right size. */
export async function hasBlock(file: string, bytes: number): Promise<boolean> {
  try {
    return (await stat(file)).size === bytes;
  } catch {
    return false;
  }
}

/** Whether there is a block, of whatever size. */
export async function isStaged(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}

function writeError(file: string, cause: unknown): StoreError {
  const errno = (cause as NodeJS.ErrnoException).code ?? "";
  const remedy =
    errno === "ENOSPC" || errno === "EDQUOT"
      ? "the disk of the staging space is full; free space on it, or lower staging.limit"
      : "look at the disk of the staging space (staging.dir)";
  return new StoreError("STAGING_WRITE_FAILED", `writing the block ${file} failed (${errno}): ${remedy}`, {
    retryable: true,
    cause,
    context: { file, errno },
  });
}
