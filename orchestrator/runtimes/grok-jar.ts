import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { crc32 } from "node:zlib";
import { fromBufferPromise } from "yauzl";
import { STANDARD_BANKS, type PatternFile, type StandardBank } from "../../worker/contract/grok.ts";

/** The pattern files of each standard bank. */
export type GrokBanks = Readonly<Record<StandardBank, readonly PatternFile[]>>;

/** Elasticsearch's own grok library, which carries the banks; `undefined` when the directory holds none, or cannot be looked into. */
export function findGrokJar(home: string): string | undefined {
  const lib = join(home, "lib");
  try {
    const name = readdirSync(lib).find((entry) => /^elasticsearch-grok-[\w.-]+\.jar$/.test(entry));
    return name === undefined ? undefined : join(lib, name);
  } catch {
    return undefined;
  }
}

/** Larger than any pattern file by far: a jar that says so is not what it should be. */
const LARGEST_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Reads `patterns/<bank>/*` out of the jar, each file with its checksum.
 * @throws Error for what is no jar, is damaged, or holds no such files
 * @source Elasticsearch 8.19.21, lib/elasticsearch-grok-8.19.21.jar
 */
export async function readGrokJar(jar: string): Promise<GrokBanks> {
  const banks: Record<StandardBank, PatternFile[]> = { legacy: [], "ecs-v1": [] };
  const zip = await fromBufferPromise(await readFile(jar));
  for await (const entry of zip.eachEntry()) {
    const [, bank, name] = /^patterns\/([^/]+)\/([^/]+)$/.exec(entry.fileName) ?? [];
    const known = STANDARD_BANKS.find((standard) => standard === bank);
    if (known === undefined || name === undefined) continue;
    if (entry.uncompressedSize > LARGEST_FILE_BYTES) throw new Error(`${entry.fileName} is too large`);
    const bytes = await buffer(await zip.openReadStreamPromise(entry));
    if (crc32(bytes) !== entry.crc32) throw new Error(`${entry.fileName} is not what its checksum says`);
    banks[known].push({ name, text: bytes.toString("utf8") });
  }
  for (const bank of STANDARD_BANKS) {
    if (banks[bank].length === 0) throw new Error(`it holds no patterns/${bank}`);
    // By name, whatever the order in the jar: a later definition wins.
    banks[bank].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  return banks;
}
