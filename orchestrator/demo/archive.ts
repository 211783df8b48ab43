import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { checkOptions } from "../sample/options.ts";
import { writeSample, type Manifest, type SampleOptions } from "../sample/index.ts";

/**
 * The demo's archive: the one that stands in `dir` if it was made with the same options and its files still have their
 * sizes, else a new one in its place.
 */
export async function ensureArchive(options: SampleOptions): Promise<{ manifest: Manifest; reused: boolean }> {
  const existing = readManifest(options.dir);
  if (existing && isDeepStrictEqual(existing.options, checkOptions(options)) && sizesFit(options.dir, existing)) {
    return { manifest: existing, reused: true };
  }
  rmSync(options.dir, { recursive: true, force: true });
  removePartialOnes(options.dir);
  return { manifest: await writeSample(options), reused: false };
}

function readManifest(dir: string): Manifest | undefined {
  try {
    const manifest = JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8")) as Manifest;
    return manifest.version === 1 ? manifest : undefined;
  } catch {
    return undefined;
  }
}

function sizesFit(dir: string, manifest: Manifest): boolean {
  const paths = new Set(manifest.files.map(({ path }) => path));
  let bytes = 0;
  for (const path of paths) bytes += statSync(join(dir, path), { throwIfNoEntry: false })?.size ?? NaN;
  return bytes === manifest.bytesOnDisk;
}

/** What a killed demo left beside the archive. */
function removePartialOnes(dir: string): void {
  const parent = dirname(dir);
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    if (name.includes(".partial-")) rmSync(join(parent, name), { recursive: true, force: true });
  }
}
