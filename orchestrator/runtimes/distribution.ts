import { chmodSync, lstatSync, readdirSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError } from "../../worker/contract/errors.ts";
import type { Log } from "../log.ts";
import { verifyDigest, type Digested } from "./digest.ts";
import { publish, withPartialDir } from "./partial-dir.ts";
import { findProgram, runTool } from "./run-tool.ts";

/** Programs that unpack, most faithful first: by what the archive's name ends in. */
const UNPACKERS = {
  zip: [
    { program: "7z", argv: (file: string, dir: string) => ["x", "-y", "-bd", `-o${dir}`, file] },
    { program: "unzip", argv: (file: string, dir: string) => ["-q", file, "-d", dir] },
  ],
  tar: [{ program: "tar", argv: (file: string, dir: string) => ["-x", "-C", dir, "--no-same-owner", "-f", file] }],
} as const;

const REMEDY = { zip: "p7zip-full", tar: "tar" } as const;

/** An unpacked distribution takes about this many times the room of its archive; the official one is the worse. */
const GROWTH = 2.5;

/**
 * Checks the archive's digest and unpacks it so that `home` appears whole or not at all.
 * @throws ConfigError `ELASTICSEARCH_DIGEST` or `ELASTICSEARCH_UNPACK`
 */
export async function unpackDistribution(
  archive: Digested,
  home: string,
  log: Log,
  signal?: AbortSignal,
): Promise<void> {
  await verifyDigest(archive, "the Elasticsearch archive");
  const kind = archive.file.endsWith(".zip") ? "zip" : "tar";
  const unpacker = UNPACKERS[kind].find(({ program }) => findProgram(program) !== undefined);
  if (unpacker === undefined) {
    throw new ConfigError(
      "ELASTICSEARCH_UNPACK",
      `no program to unpack ${archive.file}; install one (Debian: apt-get install --no-install-recommends ${REMEDY[kind]})`,
    );
  }
  log.info("unpacking Elasticsearch", { to: home });
  await withPartialDir(dirname(home), async (dir) => {
    checkRoom(archive.file, dir);
    const result = await runTool(unpacker.program, unpacker.argv(archive.file, dir), { ...(signal && { signal }) });
    if (result.code !== 0) {
      throw new ConfigError(
        "ELASTICSEARCH_UNPACK",
        `${unpacker.program} could not unpack ${archive.file} below ${dirname(home)} (exit ${result.code ?? result.signal ?? "unknown"}): ` +
          `${result.tail.slice(-400)}; see that the disk is not full`,
      );
    }
    const [top, ...others] = readdirSync(dir);
    if (top === undefined || others.length > 0) {
      throw new ConfigError(
        "ELASTICSEARCH_UNPACK",
        `${archive.file} does not hold one single directory; name an official distribution`,
      );
    }
    openForAll(join(dir, top), false);
    publish(join(dir, top), home);
  });
}

function checkRoom(file: string, dir: string): void {
  const { bavail, bsize } = statfsSync(dir);
  const needed = statSync(file).size * GROWTH;
  if (bavail * bsize >= needed) return;
  throw new ConfigError(
    "ELASTICSEARCH_UNPACK",
    `${dirname(dir)} has ${Math.floor((bavail * bsize) / 2 ** 20)} MiB free and unpacking ${file} takes ${Math.ceil(needed / 2 ** 20)} MiB; ` +
      "make room or set another stateDir",
  );
}

/**
 * Everybody may read, and run what is a program. Set here and not left to the unpacker: the umask of whoever runs us may hide all of it
 * from the user that the server runs as, and not every unpacker keeps the executable bits.
 */
function openForAll(path: string, program: boolean): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  if (!stat.isDirectory()) {
    chmodSync(path, program || (stat.mode & 0o100) !== 0 ? 0o755 : 0o644);
    return;
  }
  chmodSync(path, 0o755);
  for (const name of readdirSync(path)) openForAll(join(path, name), path.endsWith("/bin"));
}
