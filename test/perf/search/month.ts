import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { writeSample } from "../../../orchestrator/sample/index.ts";
import { createPopulation } from "../../../orchestrator/sample/population.ts";
import { findSevenZip } from "../../../orchestrator/sample/seven-zip.ts";
import type { Chunk } from "../../../worker/contract/chunk.ts";
import { MONTH, type ParserCampaign } from "../../support/parser-campaign.ts";

/** A month three times: raw files, the same compressed, and chunks of the raw ones. */
export interface Month {
  readonly raw: string;
  readonly compressed: string;
  readonly rawBytes: number;
  readonly compressedBytes: number;
  readonly lines: number;
  readonly files: number;
  readonly chunks: readonly Chunk[];
  /** Everybody who may stand in its lines. */
  readonly users: readonly string[];
}

const HOSTS = 60;
const SEED = 1;

/** Makes a sample and takes its archives apart. @param campaign takes the raw files */
export async function makeMonth(
  dir: string,
  campaign: ParserCampaign,
  lines: number,
  chunkBytes: number,
  signal: AbortSignal,
): Promise<Month> {
  const sample = join(dir, "sample");
  const manifest = await writeSample({ month: MONTH, lines, seed: SEED, dir: sample, hosts: HOSTS, signal });
  const hosts = join(sample, "hosts");
  const compressed = join(dir, "compressed");
  const chunks: Chunk[] = [];
  let [rawBytes, compressedBytes, files] = [0, 0, 0];
  for await (const { path, bytes } of filesOf(hosts)) {
    signal.throwIfAborted();
    chunks.push(...campaign.plainFile(path, bytes, chunkBytes));
    const file = join(compressed, `${path}.gz`);
    const packed = gzipSync(bytes);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, packed);
    rawBytes += bytes.length;
    compressedBytes += packed.length;
    files += 1;
  }
  await rm(sample, { recursive: true });
  const { users } = createPopulation(SEED, HOSTS);
  const raw = join(campaign.dir, "archive");
  return { raw, compressed, rawBytes, compressedBytes, lines: manifest.lines, files, chunks, users };
}

/** Every file of an archive as it is without its compression. */
async function* filesOf(root: string): AsyncGenerator<{ readonly path: string; readonly bytes: Buffer }> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = relative(root, file);
    if (path.endsWith(".7z")) {
      const out = `${file}.out`;
      await promisify(execFile)(findSevenZip(), ["x", `-o${out}`, file]);
      for await (const member of filesOf(out))
        yield { path: join(path.slice(0, -3), member.path), bytes: member.bytes };
      await rm(out, { recursive: true });
    } else if (path.endsWith(".gz")) yield { path: path.slice(0, -3), bytes: gunzipSync(await readFile(file)) };
    else yield { path, bytes: await readFile(file) };
  }
}
