import { spawn } from "node:child_process";
import { accessSync, constants, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import { ConfigError, GridError } from "../../worker/contract/errors.ts";

const PROGRAMS = ["7zz", "7z", "7za"];

/** @throws ConfigError `SAMPLE_NO_7Z` when there is no 7z program on PATH */
export function findSevenZip(): string {
  for (const program of PROGRAMS) {
    for (const dir of (process.env.PATH ?? "").split(delimiter)) {
      const file = join(dir || ".", program);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not here.
      }
    }
  }
  throw new ConfigError(
    "SAMPLE_NO_7Z",
    `a sample holds one .7z, and none of the programs ${PROGRAMS.join(", ")} is on PATH: install one, e.g. apt-get install p7zip-full`,
  );
}

/**
 * Packs all files below `dir` into a new archive, members named relative to it. Given the same files with the same times
 * it makes the same bytes: one thread, no times but that of modification, no folders (which have times of their own).
 */
export async function packDirectory(program: string, dir: string, archive: string, signal: AbortSignal): Promise<void> {
  const members = readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .sort();
  // A list in a file: thousands of names are too long for a command line.
  const list = `${dir}.list`;
  writeFileSync(list, `${members.join("\n")}\n`);
  const args = ["a", "-t7z", "-mx=3", "-mmt=1", "-mtc=off", "-mta=off", "-bd", "-y", archive, `@${list}`];
  const child = spawn(program, args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"], signal });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  rmSync(list, { force: true });
  if (code !== 0) {
    throw new GridError(
      "SAMPLE_7Z_FAILED",
      `${program} ${args.join(" ")} in ${dir} failed (exit ${String(code)}): ${said.trim()}`,
    );
  }
}
