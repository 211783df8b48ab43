import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openChunk } from "../../../worker/chunk-source.ts";
import { chunkSchema, type Chunk, type Origin, type Unpack } from "../../../worker/contract/chunk.ts";
import { ownedBlocks } from "../../../worker/framing/lines.ts";
import { LOOK_BACK_BYTES } from "../../../worker/parsers/repeat-expander.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { DEFAULT_RULES } from "../../support/rules.ts";
import { processUnpack, type UnpackContext } from "../../../worker/unpack-job.ts";

const ORIGIN: Origin = {
  fileId: "0123456789ab",
  path: "messages",
  month: "2013-10",
  firstDay: "2013-10-01",
  timeZone: "Europe/Prague",
  service: "messages",
  index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
  dropPrograms: [],
};
const CHUNK_BYTES = 1000;

describe("the chunks of an unpacked file", () => {
  let dir = "";
  beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "gridharvest-unpack-"))));
  afterAll(() => rm(dir, { recursive: true }));

  /** @param state of their jobs: of `completed` ones the blocks are needed no more, so that nothing but the messages is made */
  async function chunksOf(text: string, origin: Origin, state = "completed"): Promise<Chunk[]> {
    const file = join(dir, "messages.gz");
    await writeFile(file, gzipSync(text));
    const { size, mtimeMs } = await stat(file);
    const chunks: Chunk[] = [];
    const context = {
      parse: {
        getJobState: () => Promise.resolve(state),
        add: (_: string, chunk: Chunk) => Promise.resolve(chunks.push(chunk)),
      },
      staging: { reserve: () => Promise.resolve(), extend: () => Promise.resolve(), release: () => Promise.resolve() },
      meter: { count: () => undefined },
    } as unknown as UnpackContext;
    const unpack: Unpack = {
      id: "u",
      format: "gzip",
      file,
      size,
      mtimeMs,
      members: [{ member: "", origin }],
      stream: [],
      chunkBytes: CHUNK_BYTES,
      stagingDir: dir,
      stagingLimitBytes: 1e9,
      pipeline: "p",
    };
    await processUnpack(unpack, "owner", context, () => Promise.resolve(), new AbortController().signal);
    return chunks;
  }

  const minutes = (hour: string) =>
    Array.from({ length: 60 }, (_, m) => `Oct 27 ${hour}:${String(m).padStart(2, "0")}:00 host a: text\n`).join("");

  it("know from where on the file means the second of two equal hours", async () => {
    const before = minutes("01") + minutes("02");
    const chunks = await chunksOf(before + minutes("02") + minutes("03"), ORIGIN);
    const second = { timeZone: "Europe/Prague", from: Date.UTC(2013, 9, 27, 2) / 1000, offset: before.length };
    expect(chunks.length).toBeGreaterThan(5);
    for (const { origin, range, source } of chunks) {
      const end = source.kind === "staged" ? source.offset + source.bytes : range.end;
      expect(origin).toEqual(end > before.length ? { ...ORIGIN, secondFolds: [second] } : ORIGIN);
    }
  });

  it("bring what stands before them where something looks back", async () => {
    const host = (n: number) => `h${String(n % 7)}`;
    const text = Array.from({ length: 4000 }, (_, n) =>
      n % 3 === 0
        ? `Jan 14 10:00:00 ${host(n)} last message repeated 2 times\n`
        : `Jan 14 10:00:00 ${host(n)} a[1]: message ${String(n)}\n`,
    ).join("");
    const origin: Origin = { ...ORIGIN, month: "2013-01", firstDay: "2013-01-01", repeated: "expand" };
    const pipeline = createPipeline(DEFAULT_RULES);
    const pieces: string[] = [];
    for (const chunk of await chunksOf(text, origin, "unknown")) {
      await using bytes = await openChunk(chunkSchema.parse(chunk));
      const { reader, range, length, shift } = bytes;
      for await (const block of ownedBlocks(reader, range, length, 500, { lookBackBytes: LOOK_BACK_BYTES })) {
        const batch = pipeline.run(block.block, shift + block.base, bytes.origin, {
          bytes: block.bytes,
          lead: block.lead,
        });
        pieces.push(Buffer.from(batch.body).toString());
      }
    }
    const whole = pipeline.run(new Uint8Array(Buffer.from(text)), 0, origin);
    expect(whole.tallies.read).toBeGreaterThan(5000);
    expect(pieces.join("")).toBe(Buffer.from(whole.body).toString());
  });

  it("are as planned where the clock is not set back", async () => {
    const chunks = await chunksOf(minutes("02") + minutes("02"), { ...ORIGIN, timeZone: "UTC" });
    for (const { origin } of chunks) expect(origin).not.toHaveProperty("secondFolds");
  });
});
