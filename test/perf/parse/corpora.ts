import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { writeSample } from "../../../orchestrator/sample/index.ts";

/** Lines to measure on. */
export interface Corpus {
  readonly name: string;
  /** `YYYY-MM` of its lines. */
  readonly month: string;
  readonly file: string;
  readonly lines: number;
  readonly bytes: number;
  /** The file in as many parts as there are rounds: slow contenders take another one in each round, and all of it together. */
  readonly parts: readonly { readonly file: string; readonly lines: number }[];
  /** So many files of a few thousand lines, one from each part. */
  readonly slices: readonly { readonly file: string; readonly lines: number }[];
  /** What every contender's output is compared on. */
  readonly check: { readonly file: string; readonly lines: number };
}

const MONTH = "2013-01";
/** Of the lines of a sample so many are made that enough are left when those that are equal have gone. */
const SURPLUS = 1.1;
const CHECKED_LINES = 20_000;
const SLICE_LINES = 2000;
const LINUX = fileURLToPath(new URL("../../../../shared/conformance/linux_2k.log", import.meta.url));

/** Distinct lines of a generated month of all its files, in the order of their times, as a site's log server writes them into one file. */
export async function sampleCorpus(dir: string, lines: number, parts: number, signal: AbortSignal): Promise<Corpus> {
  const out = join(dir, "sample");
  const wanted = Math.ceil(lines * SURPLUS) + 1000;
  await writeSample({ month: MONTH, lines: wanted, seed: 1, dir: out, timeZone: "Europe/Prague", signal });
  const found = await distinctLines(join(out, "hosts"));
  await rm(out, { recursive: true });
  if (found.length < lines) throw new Error(`the sample has ${found.length} distinct lines of ${wanted}, not ${lines}`);
  return corpus(dir, "sample", MONTH, evenly(inOrder(found), lines), parts);
}

/** The lines of a month as those of one day: an index as large as that of a large site, in place of many that are hardly begun. */
export function ofOneDay(lines: Buffer): Buffer {
  return Buffer.from(lines.toString("latin1").replaceAll(/^([A-Z][a-z]{2}) [ \d]\d (?=\d\d:)/gm, "$1 14 "), "latin1");
}

/** The public log of a Linux host, repeated; undefined where it is not at hand. */
export async function linuxCorpus(dir: string, lines: number, parts: number): Promise<Corpus | undefined> {
  if (!existsSync(LINUX)) return undefined;
  const once = linesOf(await readFile(LINUX));
  const repeated = Array.from({ length: lines }, (_, i) => once[i % once.length]!);
  return corpus(dir, "linux", "2005-06", repeated, parts, once);
}

async function corpus(
  dir: string,
  name: string,
  month: string,
  lines: readonly string[],
  count: number,
  checked: readonly string[] = evenly(lines, Math.min(lines.length, CHECKED_LINES)),
): Promise<Corpus> {
  const write = async (suffix: string, some: readonly string[]) => {
    const file = join(dir, `${name}${suffix}.log`);
    const bytes = Buffer.from(some.map((line) => `${line}\n`).join(""), "latin1");
    await writeFile(file, bytes);
    return { file, lines: some.length, bytes: bytes.length };
  };
  const parts = [];
  const slices = [];
  for (let i = 0; i < count; i++) {
    const from = Math.floor((lines.length * i) / count);
    const part = lines.slice(from, Math.floor((lines.length * (i + 1)) / count));
    parts.push(await write(`.part-${i}`, part));
    slices.push(await write(`.slice-${i}`, evenly(part, Math.min(part.length, SLICE_LINES))));
  }
  return { name, month, ...(await write("", lines)), parts, slices, check: await write(".check", checked) };
}

/** Bytes are characters. */
function linesOf(bytes: Buffer): string[] {
  return bytes.toString("latin1").replace(/\n$/, "").split("\n");
}

/** Of the plain and gzip files: another archive's members would only be more of the same. */
async function distinctLines(dir: string): Promise<string[]> {
  const found = new Set<string>();
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith(".7z")) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    for (const line of linesOf(entry.name.endsWith(".gz") ? gunzipSync(bytes) : bytes)) found.add(line);
  }
  return [...found];
}

const STAMP = /^\w{3} [ \d]\d \d\d:\d\d:\d\d/;

/** By their times; a line without one stays behind the line before it. */
function inOrder(lines: readonly string[]): string[] {
  let last = "";
  const timed = lines.map((line) => ({ line, stamp: (last = STAMP.exec(line)?.[0] ?? last) }));
  return timed.sort((a, b) => (a.stamp < b.stamp ? -1 : a.stamp > b.stamp ? 1 : 0)).map(({ line }) => line);
}

/** So many of them, from the whole. */
export function evenly<T>(items: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}
