import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { ConfigError } from "../../worker/contract/errors.ts";
import type { PatternFile } from "../../worker/contract/grok.ts";
import type { Rules } from "../../worker/contract/rules.ts";
import { patternFiles } from "../parse/pattern-files.ts";

/** Files that pipelines are made of. Each is read whole, once. */

/** A pipeline's YAML. @throws ConfigError `ARGUMENT_FILE` */
export async function pipelineFile(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw unreadable(file, "name a YAML file with a pipeline", cause);
  });
  if (!isUtf8(bytes))
    throw new ConfigError("ARGUMENT_FILE", `${file} is not UTF-8; write it as UTF-8`, { context: { file } });
  return bytes.toString("utf8");
}

/** The pattern files of a directory. @throws ConfigError `ARGUMENT_FILE` */
export function patternsOf(dir: string): Promise<readonly PatternFile[]> {
  return patternFiles(dir, dir);
}

/** What is pinned of a database. Its bytes are streamed: they may be many. @throws ConfigError `ARGUMENT_FILE` */
export async function databaseFile(name: string, file: string): Promise<Rules["databases"][number]> {
  try {
    const digest = createHash("sha256");
    let bytes = 0;
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
      digest.update(piece);
      bytes += piece.length;
    }
    return { name, file, bytes, sha256: digest.digest("hex") };
  } catch (cause) {
    throw unreadable(file, "name a .mmdb file", cause);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EACCES: "permission denied",
};

function unreadable(file: string, remedy: string, cause: unknown): ConfigError {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const reason = REASONS[code] ?? (code === "" ? "unknown reason" : code);
  return new ConfigError("ARGUMENT_FILE", `${file} cannot be read: ${reason}; ${remedy}`, { context: { file } });
}
