import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { crc32 } from "node:zlib";
import {
  encryptedArchive,
  parseSevenZipList,
  SEVEN_ZIP_PROGRAMS,
  sevenZipFailure,
  sevenZipListArgv,
  type SevenZipMember,
} from "../contract/archive-format.ts";
import { GridError } from "../contract/errors.ts";
import { watchDiskWait } from "./disk-wait.ts";
import { openFile } from "./file-access.ts";
import type { Source, SourcePiece, Waiting } from "./source.ts";

/** Names on one command line, together; the kernel's limit is about 2 MB. */
const LONGEST_ARGUMENTS = 512 * 1024;
/** Of what 7z says, this much is kept. */
const KEPT_OUTPUT = 16 * 1024;

/**
 * A 7z archive, read by the 7-Zip program: `7z x -so` writes all members one after another, in the order of the
 * listing, and the listed sizes divide them.
 *
 * After damage 7z goes on with the next solid block, and sizes alone would then give the bytes that follow to the wrong
 * member. So an archive of several blocks is read block by block: a damaged one costs its own rest and nothing else.
 * The members of a block are asked for by their names. An archive that holds a name twice is therefore read in one run, and
 * there damage costs all that follows.
 */
export const sevenZip: Source = {
  format: "7z",
  list: (file, signal) => listSevenZip(file, signal),
  async *open(file, signal, waiting) {
    const members = await listSevenZip(file, signal);
    const program = await findSevenZip();
    const runs = runsOf(members);
    for (const run of runs) {
      if (run.block < 0) for (const index of run.indexes) yield { kind: "member", index };
      else yield* readRun(program, file, members, run, runs.length > 1, signal, waiting);
    }
  },
};

/** The regular files of an archive, in stream order. @throws DataError `ARCHIVE_ENCRYPTED`, `ARCHIVE_TRUNCATED`, `ARCHIVE_DAMAGED` */
export async function listSevenZip(file: string, signal: AbortSignal): Promise<readonly SevenZipMember[]> {
  // 7z says "cannot open" to everything; the file system's own answer is clearer.
  await (await openFile(file)).close();
  const child = start(await findSevenZip(), sevenZipListArgv(file), signal);
  const parts: Buffer[] = [];
  for await (const part of child.stdout) parts.push(part as Buffer);
  const stdout = Buffer.concat(parts).toString("utf8");
  const { exitCode, stderr } = await child.ended;
  signal.throwIfAborted();
  if (exitCode !== 0) throw sevenZipFailure(file, exitCode, `${stderr}\n${stdout.slice(0, KEPT_OUTPUT)}`);
  const members = parseSevenZipList(stdout, file);
  if (members.some((member) => member.encrypted)) throw encryptedArchive(file);
  return members;
}

/** Members that one run of the program delivers: of one solid block, in order. */
interface Run {
  readonly block: number;
  readonly indexes: readonly number[];
}

/** Divides the members, in stream order, into runs. Empty members belong to no block and to no run of the program. */
export function runsOf(members: readonly SevenZipMember[]): readonly Run[] {
  const filled = members.filter(({ size }) => size > 0);
  if (new Set(filled.map(({ member }) => member)).size < filled.length) {
    return [{ block: 0, indexes: [...members.keys()] }];
  }
  const runs: { block: number; indexes: number[]; length: number }[] = [];
  for (const [index, { member, size, block }] of members.entries()) {
    const of = size === 0 ? -1 : block;
    const last = runs.at(-1);
    if (last && last.block === of && last.length + member.length < LONGEST_ARGUMENTS) {
      last.indexes.push(index);
      last.length += member.length * 3;
    } else {
      runs.push({ block: of, indexes: [index], length: member.length * 3 });
    }
  }
  return runs;
}

async function* readRun(
  program: string,
  file: string,
  members: readonly SevenZipMember[],
  run: Run,
  select: boolean,
  signal: AbortSignal,
  waiting: Waiting | undefined,
): AsyncGenerator<SourcePiece, void, undefined> {
  // -spd: a `*` in a name is no wildcard. `-i!` takes a name as it stands, blanks at its ends included.
  const names = select ? ["-spd", ...run.indexes.map((index) => `-i!${members[index]?.member ?? ""}`)] : [];
  const child = start(program, ["x", "-so", "-bd", "-p-", ...names, "--", file], signal);
  const unwatch = child.pid === undefined || !waiting ? undefined : watchDiskWait(child.pid, waiting);
  try {
    const input = new Chunks(child.stdout);
    let brokenOff = false;
    let damagedBlock: number | undefined;
    for (const index of run.indexes) {
      const member = members[index];
      if (!member) continue;
      yield { kind: "member", index };
      if (damagedBlock !== undefined && member.size > 0 && member.block !== damagedBlock) {
        yield { kind: "broken", problem: "comes after damage in an archive that holds a name twice; repack it" };
        continue;
      }
      let left = member.size;
      let crc = 0;
      while (left > 0 && !brokenOff) {
        signal.throwIfAborted();
        const bytes = await input.next(left);
        if (!bytes) {
          brokenOff = true;
          damagedBlock = member.block;
          break;
        }
        left -= bytes.length;
        crc = crc32(bytes, crc);
        yield { kind: "bytes", bytes };
      }
      if (left > 0) {
        const { exitCode, stderr } = await child.ended;
        signal.throwIfAborted();
        if (exitCode !== 0 && !DAMAGE.test(stderr)) throw failedRun(program, file, exitCode, stderr);
        yield {
          kind: "broken",
          problem: `breaks off ${left} bytes before its end: 7z ended with ${exitCode}${said(stderr)}`,
        };
      } else if (member.crc !== undefined && member.crc !== crc) {
        damagedBlock = member.block;
        yield { kind: "broken", problem: "the checksum is wrong" };
      }
    }
  } finally {
    unwatch?.();
    child.stop();
    await child.ended;
  }
}

/** What 7z says of an archive that is damaged, in contrast to a 7z that was killed or could not read the disk. @source 7-Zip 26.02 */
const DAMAGE = /Data Error|CRC Failed|Unexpected end|Headers Error|Unsupported Method|There are data after the end/i;

function failedRun(program: string, file: string, exitCode: number, stderr: string): GridError {
  return new GridError(
    "SEVEN_ZIP_FAILED",
    `${program} failed on ${file} (exit code ${exitCode})${said(stderr)}; look at this node's memory and disks`,
    {
      retryable: true,
      context: { file, exitCode },
    },
  );
}

function said(stderr: string): string {
  const line = stderr
    .split("\n")
    .map((text) => text.trim())
    .find((text) => text !== "" && text !== "ERRORS:");
  return line === undefined ? "" : ` (${line})`;
}

/** A stream read in pieces of at most a wanted length. */
class Chunks {
  readonly #iterator: AsyncIterator<Uint8Array, undefined>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  }

  async next(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#iterator.next();
      if (done) return undefined;
      this.#rest = value;
    }
    const bytes = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }
}

interface Child {
  /** Absent when it could not be started. */
  readonly pid: number | undefined;
  readonly stdout: AsyncIterable<Uint8Array>;
  /** Never rejects. */
  readonly ended: Promise<{ exitCode: number; stderr: string }>;
  stop(): void;
}

function start(program: string, argv: readonly string[], signal: AbortSignal): Child {
  signal.throwIfAborted();
  const child = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, LC_ALL: "C.UTF-8" } });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (stderr.length < KEPT_OUTPUT) stderr += text;
  });
  const stop = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", stop, { once: true });
  const ended = new Promise<{ exitCode: number; stderr: string }>((resolve) => {
    const end = (exitCode: number, text: string): void => {
      signal.removeEventListener("abort", stop);
      resolve({ exitCode, stderr: text });
    };
    child.on("error", (error) => end(-1, error.message));
    child.on("close", (code, killedBy) =>
      end(code ?? -1, killedBy === null ? stderr : `${stderr}\nkilled by ${killedBy}`),
    );
  });
  return {
    pid: child.pid,
    stdout: child.stdout,
    ended,
    stop() {
      stop();
      child.stdout.destroy();
    },
  };
}

/** The 7-Zip program on the search path. @throws GridError `SEVEN_ZIP_MISSING` */
export async function findSevenZip(path: string = process.env["PATH"] ?? ""): Promise<string> {
  for (const name of SEVEN_ZIP_PROGRAMS) {
    for (const dir of path.split(delimiter)) {
      const candidate = join(dir, name);
      try {
        await access(candidate, constants.X_OK);
        return candidate;
      } catch {
        continue;
      }
    }
  }
  throw new GridError(
    "SEVEN_ZIP_MISSING",
    `none of ${SEVEN_ZIP_PROGRAMS.join(", ")} is on the search path of this node; install 7-Zip (Debian: p7zip-full) on every parser node`,
    { retryable: true },
  );
}
