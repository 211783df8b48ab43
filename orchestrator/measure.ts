import { execFile, spawn } from "node:child_process";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { constants, gunzipSync } from "node:zlib";
import { SEVEN_ZIP_PROGRAMS } from "../worker/contract/archive-format.ts";
import type { EncodedBatch, Pipeline } from "../worker/contract/pipeline.ts";
import { DEFAULT_KNOWN_COSTS, type KnownCosts, type ParserSample, type ServiceSample } from "./estimate.ts";
import { campaignPaths, statePaths } from "./paths.ts";
import type { Plan, PlannedFile } from "./plan.ts";
import { costsOfCampaign } from "./simulated-costs.ts";

/** Measures what estimates rest on: the parser on a sample of the archive, everything else in the last campaign. */

/** Sampled files of one service and format. */
const FILES_PER_STRATUM = 4;
/** Strata at most, so that an archive of a thousand services is still sampled in seconds. */
const STRATA = 16;
/** Bytes read of one file: on disk for plain files and gzip, of output for 7z. */
const HEAD_BYTES = 128 * 1024;
/** Parsing is repeated for this long: first until the compiler has seen it, then to be measured. */
const WARM_UP_MILLIS = 150;
const MEASURE_MILLIS = 300;

/** Whole lines from the beginning of a file. */
export interface Piece {
  readonly file: PlannedFile;
  readonly block: Uint8Array;
  /** Bytes on disk that the block came from, when it came from gzip. */
  readonly gzipBytes?: number;
}

/**
 * Parses the heads of a few files of each service and format.
 * @returns undefined when no line could be read
 */
export async function sampleParser(
  plan: Plan,
  pipeline: Pipeline,
  signal: AbortSignal,
): Promise<ParserSample | undefined> {
  const pieces = await samplePieces(plan, signal);
  const services = new Map<string, { -readonly [K in Exclude<keyof ServiceSample, "service">]: number }>();
  let lines = 0;
  let documents = 0;
  let bodyBytes = 0;
  const runOn = runner(pipeline);
  for (const { file, block } of pieces) {
    const batch = runOn(block, file);
    const sum = services.get(file.origin.service) ?? { lines: 0, bytes: 0, documents: 0, furtherIndices: 0 };
    sum.lines += batch.tallies.read;
    sum.bytes += block.length;
    sum.documents += batch.count;
    sum.furtherIndices += Math.max(0, Object.keys(batch.tallies.perIndex).length - 1);
    services.set(file.origin.service, sum);
    lines += batch.tallies.read;
    documents += batch.count;
    bodyBytes += batch.body.length;
  }
  if (lines === 0) return undefined;

  const gzip = pieces.filter((piece) => piece.gzipBytes !== undefined);
  const gzipBytes = gzip.reduce((sum, piece) => sum + (piece.gzipBytes ?? 0), 0);
  return {
    files: pieces.length,
    services: [...services].map(([service, sum]): ServiceSample => ({ service, ...sum })),
    microsPerLine: microsPerLine(pieces, pipeline, signal),
    bodyBytesPerDocument: documents > 0 ? bodyBytes / documents : 0,
    ...(gzipBytes > 0 ? { gzipRatio: gzip.reduce((sum, piece) => sum + piece.block.length, 0) / gzipBytes } : {}),
  };
}

/** As long as the tags of attempts are. */
const SOME_TAG = "0000000000";

/** Makes of a block what a campaign would make of it. */
export function runner(pipeline: Pipeline) {
  return (block: Uint8Array, { origin }: Pick<PlannedFile, "origin">): EncodedBatch =>
    pipeline.run(block, 0, origin, { attempt: origin.ids === "store" ? SOME_TAG : undefined });
}

/**
 * The heads of a few files of each service and format.
 * @param headBytes read of each file at most, and taken of what comes out of a compressed one
 */
export async function samplePieces(plan: Plan, signal: AbortSignal, headBytes = HEAD_BYTES): Promise<readonly Piece[]> {
  const pieces: Piece[] = [];
  for (const file of stratified(plan)) {
    signal.throwIfAborted();
    const piece = await readPiece(plan, file, headBytes, signal);
    if (piece) pieces.push(piece);
  }
  return pieces;
}

/** CPU of a line once the code is warm. The system's clock of a thread may tick in milliseconds, so passes are added up. */
function microsPerLine(pieces: readonly Piece[], pipeline: Pipeline, signal: AbortSignal): number {
  const runOn = runner(pipeline);
  const parseFor = (millis: number): number => {
    let lines = 0;
    for (const end = performance.now() + millis; performance.now() < end;) {
      signal.throwIfAborted();
      for (const { file, block } of pieces) lines += runOn(block, file).tallies.read;
    }
    return lines;
  };
  parseFor(WARM_UP_MILLIS);
  const before = process.threadCpuUsage();
  const lines = parseFor(MEASURE_MILLIS);
  const used = process.threadCpuUsage(before);
  return (used.user + used.system) / lines;
}

/** A few files of each service and format, evenly spread over the list; the largest strata first. */
function stratified(plan: Plan): readonly PlannedFile[] {
  const formats = new Map(plan.unpacks.map((unpack) => [unpack.id, unpack.format]));
  const strata = Map.groupBy(plan.files, ({ origin, source }) => {
    const format = source.kind === "plain" ? "plain" : (formats.get(source.unpackId) ?? "");
    return JSON.stringify([origin.service, format]);
  });
  return [...strata.values()]
    .sort((a, b) => b.length - a.length)
    .slice(0, STRATA)
    .flatMap((files) => {
      const some = files.filter((file) =>
        file.source.kind === "plain" ? file.source.size > 0 : file.source.size !== 0,
      );
      const count = Math.min(FILES_PER_STRATUM, some.length);
      return Array.from({ length: count }, (_, i) => some[Math.floor(((i + 0.5) * some.length) / count)]);
    })
    .filter((file) => file !== undefined);
}

/** The first whole lines of a file, or undefined when it has none within reach or cannot be read: a sample can do without. */
async function readPiece(
  plan: Plan,
  file: PlannedFile,
  headBytes: number,
  signal: AbortSignal,
): Promise<Piece | undefined> {
  const { source } = file;
  try {
    if (source.kind === "plain") {
      const block = wholeLines(await head(join(plan.root, source.file), headBytes), source.size);
      return block && { file, block };
    }
    const unpack = plan.unpacks.find(({ id }) => id === source.unpackId);
    if (!unpack) return undefined;
    if (unpack.format === "7z") {
      const block = wholeLines(
        await headOfMember(join(plan.root, unpack.file), source.member, headBytes, signal),
        source.size,
      );
      return block && { file, block };
    }
    const packed = await head(join(plan.root, unpack.file), headBytes);
    const bytes = gunzipSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
    const isAll = packed.length === unpack.size && bytes.length <= mostOf(headBytes);
    const block = wholeLines(bytes.subarray(0, mostOf(headBytes)), isAll ? bytes.length : undefined);
    // The part of the head that the whole lines came from.
    return block && { file, block, gzipBytes: (packed.length * block.length) / bytes.length };
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
}

/** Of the head of a gzip file so much is taken at most: it compresses ten to fifty times. */
function mostOf(headBytes: number): number {
  return Math.max(headBytes, 64 * HEAD_BYTES);
}

async function head(path: string, bytes: number): Promise<Uint8Array> {
  await using handle = await open(path, "r");
  const { buffer, bytesRead } = await handle.read(new Uint8Array(bytes), 0, bytes, 0);
  return buffer.subarray(0, bytesRead);
}

/** @param length of the whole, when known: a last line may then lack its line end */
function wholeLines(bytes: Uint8Array, length: number | undefined): Uint8Array | undefined {
  const end = bytes.length === length ? length : bytes.lastIndexOf(0x0a) + 1;
  return end > 0 ? bytes.subarray(0, end) : undefined;
}

/** The first bytes of a member. 7z is stopped as soon as they are there, though it reads over all before them. */
async function headOfMember(
  archive: string,
  member: string,
  headBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const program = await sevenZip();
  // -spd: a member's name is not a pattern.
  const child = spawn(program, ["x", "-so", "-spd", "-p-", "--", archive, member], {
    stdio: ["ignore", "pipe", "ignore"],
    signal,
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()).once("error", () => resolve()));
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of child.stdout as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes >= headBytes) break;
  }
  child.kill("SIGKILL");
  await ended;
  return Buffer.concat(parts).subarray(0, headBytes);
}

async function sevenZip(): Promise<string> {
  for (const program of SEVEN_ZIP_PROGRAMS) {
    const found = await new Promise<boolean>((resolve) =>
      execFile(program, ["i"], (error) => resolve(error === null || error.code !== "ENOENT")),
    );
    if (found) return program;
  }
  throw new Error("7z is not on PATH");
}

/** What things cost in the latest campaign that finished a load. Campaigns that say nothing of it are passed over. */
export async function lastCosts(stateDir: string): Promise<KnownCosts> {
  const { campaigns } = statePaths(stateDir);
  const reports: { id: string; at: number }[] = [];
  for (const id of await readdir(campaigns).catch(() => [])) {
    const found = await stat(campaignPaths(campaigns, id).reportJson).catch(() => undefined);
    if (found) reports.push({ id, at: found.mtimeMs });
  }
  for (const { id } of reports.sort((a, b) => b.at - a.at)) {
    const costs = await costsOfCampaign(stateDir, id).catch(() => undefined);
    if (costs) return { costs, source: `campaign ${id}` };
  }
  return DEFAULT_KNOWN_COSTS;
}
