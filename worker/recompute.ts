import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openChunk } from "./chunk-source.ts";
import type { Chunk } from "./contract/chunk.ts";
import type { EncodedBatch, Pipeline } from "./contract/pipeline.ts";
import type { Recompute, RecomputedChunk } from "./contract/recompute.ts";
import { ownedBlocks } from "./framing/lines.ts";
import { OwnedDigest } from "./owned-digest.ts";
import { LOOK_BACK_BYTES } from "./parsers/repeat-expander.ts";
import { isAsRejected, rejectedLine, standsAlone } from "./rejected-lines.ts";
import { fileError } from "./sources/file-access.ts";
import { Calendars } from "./time/calendars.ts";
import { processUnpack, type UnpackContext } from "./unpack-job.ts";

/** Bytes of a block: its documents are made without a pause for whoever shares the thread. */
const BLOCK_BYTES = 256 * 1024;

/** A campaign's chunks once more: read, framed and parsed as a parser does it, and sent nowhere. */
export function createRecompute(pipeline: Pipeline): Recompute {
  return {
    hash: pipeline.hash,
    replayed(rejected, origin) {
      const calendars = new Calendars();
      return [...Map.groupBy(rejected, ({ offset }) => offset).values()].flatMap(([first, ...others]) => {
        const line = rejectedLine([first!, ...others], origin);
        if (!standsAlone(line, calendars)) return [];
        const batch = pipeline.run(line.block, line.offset, line.origin, { bytes: line.bytes });
        return isAsRejected(batch, line) ? [batch] : [];
      });
    },
    async plain(chunk) {
      if (chunk.source.kind !== "plain") throw new Error(`chunk ${chunk.id} is not one of a plain file`);
      const source = { ...chunk.source, ...(await asItIs(chunk.source.file)) };
      return { ...(await recompute({ ...chunk, source }, pipeline)), fileLength: source.size };
    },
    async packed(unpack, wanted, take, signal) {
      // A block at a time stands there, as one of the staging space would.
      const dir = await mkdtemp(join(tmpdir(), "gridharvest-verify-"));
      const context: UnpackContext = {
        parse: {
          // Of a chunk that is done no block is written.
          getJobState: (id) => Promise.resolve(wanted(id) ? "unknown" : "completed"),
          add: async (_, chunk) => {
            if (!wanted(chunk.id) || chunk.source.kind !== "staged") return;
            await take(await recompute(chunk, pipeline));
            await rm(chunk.source.file, { force: true });
          },
        },
        staging: {
          reserve: () => Promise.resolve(),
          extend: () => Promise.resolve(),
          release: (_, file) => rm(file, { force: true }),
        },
        meter: { count: () => undefined },
      };
      try {
        const here = { ...unpack, ...(await asItIs(unpack.file)), stagingDir: dir, stagingLimitBytes: Infinity };
        return await processUnpack(here, "verify", context, () => Promise.resolve(), signal);
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    },
  };
}

async function recompute(chunk: Chunk, pipeline: Pipeline): Promise<RecomputedChunk> {
  await using bytes = await openChunk(chunk);
  const { reader, range, length, origin, shift } = bytes;
  const digest = new OwnedDigest();
  const batches: EncodedBatch[] = [];
  const options = { lookBackBytes: origin.repeated === "expand" ? LOOK_BACK_BYTES : 0 };
  let covered: readonly [number, number] | undefined;
  for await (const block of ownedBlocks(reader, range, length, BLOCK_BYTES, options)) {
    await digest.add(block, reader);
    const base = shift + block.base;
    covered = [covered?.[0] ?? base, base + block.bytes];
    batches.push(pipeline.run(block.block, base, origin, { bytes: block.bytes, lead: block.lead }));
  }
  const nothing = shift + range.start;
  return { id: chunk.id, covered: covered ?? [nothing, nothing], sha256: digest.hex(), batches };
}

/** Size and date of a file today. @throws DataError as {@link fileError} */
async function asItIs(file: string): Promise<{ readonly size: number; readonly mtimeMs: number }> {
  try {
    const { size, mtimeMs } = await stat(file);
    return { size, mtimeMs };
  } catch (error) {
    throw fileError(file, error);
  }
}
