import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GridError } from "../../worker/contract/errors.ts";

/** What is in a directory, by content. Links are followed: a JRE of Debian consists of links that lead out of it. */
export interface Tree {
  readonly source: string;
  /** SHA-256 over names, executable bits and contents, hexadecimal. */
  readonly digest: string;
  /** The regular files, as `sha256sum -c` reads them. */
  readonly sums: string;
  /** Directories and files below the source, each directory before what is in it. */
  readonly names: readonly string[];
  readonly bytes: number;
}

/**
 * @param take which names below the source belong to it; what is in a directory that does not is not looked at
 * @throws GridError `STAGE_FAILED` when it cannot be read, or holds names that a list of sums cannot
 */
export async function describeTree(source: string, take: (name: string) => boolean = () => true): Promise<Tree> {
  const hash = createHash("sha256");
  const sums: string[] = [];
  const names: string[] = [];
  let total = 0;

  const walk = async (below: string, above: readonly string[]): Promise<void> => {
    const dir = join(source, below);
    const real = await realpath(dir);
    // A link to a directory that it stands in has no end.
    if (above.includes(real)) return;
    for (const entry of (await readdir(dir)).sort()) {
      const name = below === "" ? entry : `${below}/${entry}`;
      if (!take(name)) continue;
      if (/[\n\r\\]/.test(name)) throw new Error(`no list of sums can hold the name ${JSON.stringify(name)}`);
      const found = await stat(join(source, name)).catch((error: NodeJS.ErrnoException) => {
        // A link to nothing.
        if (error.code === "ENOENT") return undefined;
        throw error;
      });
      if (found?.isDirectory()) {
        names.push(name);
        hash.update(`directory\0${name}\0`);
        await walk(name, [...above, real]);
      } else if (found?.isFile()) {
        names.push(name);
        total += found.size;
        const sum = await sha256(join(source, name));
        hash.update(`${(found.mode & 0o100) === 0 ? "file" : "program"}\0${name}\0${sum}\0`);
        sums.push(`${sum}  ./${name}\n`);
      }
    }
  };
  try {
    await walk("", []);
  } catch (error) {
    throw new GridError(
      "STAGE_FAILED",
      `cannot read ${source} to stage it: ${(error as Error).message}; mend it, or name another directory`,
      {
        cause: error,
        context: { source },
      },
    );
  }
  return { source, digest: hash.digest("hex"), sums: sums.join(""), names, bytes: total };
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/**
 * The tree as a tar archive. Everybody may read it, whatever the modes here are. The stream fails when the tree has changed since.
 * @source tar(1) of GNU
 */
export function packTree({ source, names }: Tree): Readable {
  const argv = [
    "-c",
    "-C",
    source,
    "--dereference",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u+rw,go-w,a+rX",
  ];
  const tar = spawn("tar", [...argv, "--no-recursion", "--null", "-T", "-"], { stdio: ["pipe", "pipe", "pipe"] });
  const out = new PassThrough();
  let said = "";
  const fail = (why: string, cause?: unknown): void =>
    void out.destroy(
      new GridError("STAGE_FAILED", `tar could not pack ${source}: ${why}; see that it is not being changed`, {
        cause,
      }),
    );
  tar.stderr.on("data", (text: Buffer) => (said = (said + text.toString("utf8")).slice(-2000)));
  tar.once("error", (error) => fail(error.message, error));
  tar.once("close", (code) => {
    if (code === 0) out.end();
    else fail(said.trim() || `exit ${String(code)}`);
  });
  // Nobody reads on: tar is not waited for.
  out.once("close", () => void tar.kill());
  tar.stdin.on("error", () => undefined);
  tar.stdin.end(names.map((name) => `./${name}\0`).join(""));
  tar.stdout.pipe(out, { end: false });
  return out;
}
