import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Chunk, Origin, Unpack } from "../../../worker/contract/chunk.ts";
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

  /** Their blocks are committed already, so that nothing but the messages is made. */
  async function chunksOf(text: string, origin: Origin): Promise<Chunk[]> {
    const file = join(dir, "messages.gz");
    await writeFile(file, gzipSync(text));
    const { size, mtimeMs } = await stat(file);
    const chunks: Chunk[] = [];
    const context = {
      parse: {
        getJobState: () => Promise.resolve("completed"),
        add: (_: string, chunk: Chunk) => Promise.resolve(chunks.push(chunk)),
      },
      staging: {},
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

  it("are as planned where the clock is not set back", async () => {
    const chunks = await chunksOf(minutes("02") + minutes("02"), { ...ORIGIN, timeZone: "UTC" });
    for (const { origin } of chunks) expect(origin).not.toHaveProperty("secondFolds");
  });
});
