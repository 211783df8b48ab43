import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError, DataError } from "../../worker/contract/errors.ts";
import { MonthClock } from "./clock.ts";
import { SampleWriter } from "./sample-writer.ts";
import { checkOptions, type CheckedOptions, type SampleOptions } from "./options.ts";
import { findSevenZip, packDirectory } from "./seven-zip.ts";
import type { Manifest } from "./truth.ts";

/**
 * Writes a realistic archive in the seed's layout to try things on, and beside it `manifest.json`, the truth about it.
 * The same options give the same bytes. About 5 s for a million lines; memory does not grow with the archive.
 *
 * Works in a directory of a temporary name beside `dir` and renames it at the end; an abort or an error removes it.
 * @throws ConfigError `SAMPLE_OPTIONS`, `SAMPLE_OUT_NOT_EMPTY`, `SAMPLE_OUT_UNUSABLE`, `SAMPLE_NO_7Z`
 * @throws DataError `SAMPLE_WRITE_FAILED`, say when the disk is full
 */
export async function writeSample(options: SampleOptions): Promise<Manifest> {
  const checked = checkOptions(options);
  const signal = options.signal ?? new AbortController().signal;
  const out = resolve(options.dir);
  checkOut(out);
  const sevenZip = findSevenZip();
  signal.throwIfAborted();
  const temporary = makeTemporary(out);
  try {
    const manifest = await fill(temporary, checked, sevenZip, signal, options.onProgress);
    renameSync(temporary, out);
    return manifest;
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (error instanceof Error && "syscall" in error && (error as NodeJS.ErrnoException).code !== "ABORT_ERR") {
      throw new DataError(
        "SAMPLE_WRITE_FAILED",
        `could not write the sample to ${out}; see that the disk has room and the place is writable`,
        { cause: error, context: { out } },
      );
    }
    throw error;
  }
}

async function fill(
  dir: string,
  options: CheckedOptions,
  sevenZip: string,
  signal: AbortSignal,
  onProgress: (lines: number) => void = () => undefined,
): Promise<Manifest> {
  const clock = new MonthClock(options.month, options.timeZone);
  const writer = new SampleWriter(dir, options, clock, signal, onProgress);
  await writer.writeAll();
  if (writer.hasPacked) await packDirectory(sevenZip, writer.packDir, writer.packFile, signal);
  writer.finish();
  const manifest = writer.truth.manifest(options, sizeOf(join(dir, "hosts")));
  writeFileSync(join(dir, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
  return manifest;
}

/** Refuses what would be mixed with the sample or overwritten. */
function checkOut(out: string): void {
  let entries: string[];
  try {
    entries = readdirSync(out);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return;
    throw new ConfigError(
      "SAMPLE_OUT_UNUSABLE",
      code === "ENOTDIR" ? `--out ${out} is a file: name a directory` : `--out ${out} cannot be read`,
      { cause: error, context: { out } },
    );
  }
  if (entries.length > 0) {
    throw new ConfigError("SAMPLE_OUT_NOT_EMPTY", `--out ${out} is not empty: name a new directory, or empty it`, {
      context: { out },
    });
  }
}

function makeTemporary(out: string): string {
  try {
    mkdirSync(dirname(out), { recursive: true });
    const temporary = join(dirname(out), `.${basename(out)}.partial-${randomBytes(4).toString("hex")}`);
    mkdirSync(temporary);
    return temporary;
  } catch (error) {
    throw new ConfigError(
      "SAMPLE_OUT_UNUSABLE",
      `cannot make a directory beside --out ${out}: name a place that is writable`,
      {
        cause: error,
        context: { out },
      },
    );
  }
}

function sizeOf(dir: string): number {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
