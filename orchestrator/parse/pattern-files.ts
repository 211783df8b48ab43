import { isUtf8 } from "node:buffer";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { listTemplates, readTemplate } from "../../templates/files.ts";
import { ConfigError } from "../../worker/contract/errors.ts";
import type { PatternFile } from "../../worker/contract/grok.ts";

/** Our own pattern files, which ship with the program. */
export function ownPatternFiles(): readonly PatternFile[] {
  return listTemplates("worker/grok/banks/gridharvest").map((name) => ({ name, text: readTemplate(name) }));
}

/**
 * Every file of a directory of patterns, by name; hidden files and directories below it are none.
 * @param named what messages call the directory
 * @throws ConfigError `ARGUMENT_FILE`
 * @source logstash-filter-grok 4.4, `patterns_files_from_paths` with the glob `*`
 */
export async function patternFiles(dir: string, named = `--patterns ${dir}`): Promise<readonly PatternFile[]> {
  const refuse = (problem: string, cause?: unknown): ConfigError =>
    new ConfigError("ARGUMENT_FILE", `${named} ${problem}`, { cause, context: { file: dir } });
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    throw refuse("cannot be read; name a directory of pattern files", error);
  });
  const names = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
  if (names.length === 0) throw refuse("holds no file; name the directory in which the pattern files stand");
  const files: PatternFile[] = [];
  for (const name of names.sort()) {
    const path = join(dir, name);
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      // A link to one.
      if (error.code === "EISDIR") return undefined;
      throw refuse(`holds ${name}, which cannot be read`, error);
    });
    if (bytes && !isUtf8(bytes)) throw refuse(`holds ${name}, which is not UTF-8; write it as UTF-8, or take it away`);
    if (bytes) files.push({ name: path, text: bytes.toString("utf8") });
  }
  return files;
}
