import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { expectedDocuments } from "../../../../orchestrator/proof/documents.ts";
import type { Chunk, Origin, Unpack } from "../../../../worker/contract/chunk.ts";
import type { RecomputedChunk } from "../../../../worker/contract/recompute.ts";
import { createPipeline } from "../../../../worker/pipeline.ts";
import { createRecompute } from "../../../../worker/recompute.ts";
import { DEFAULT_RULES } from "../../../support/rules.ts";

const ORIGIN: Origin = {
  fileId: "0123456789ab",
  path: "syslog",
  month: "2013-01",
  firstDay: "2013-01-01",
  timeZone: "UTC",
  repeated: "expand",
  service: "syslog",
  index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
  dropPrograms: ["CRON"],
};
const CHUNK_BYTES = 4096;
const TEXT = Array.from({ length: 300 }, (_, n) => {
  const says =
    n % 10 === 9 ? "last message repeated 3 times" : n % 7 === 0 ? "CRON[1]: no" : `sshd[${String(n)}]: text`;
  return `Jan 10 10:00:00 h ${says}\n`;
}).join("");

describe("a file's chunks once more", () => {
  const dir = mkdtempSync(join(tmpdir(), "gridharvest-recompute-"));
  afterAll(() => rmSync(dir, { recursive: true }));
  const recompute = createRecompute(createPipeline(DEFAULT_RULES));
  const signal = new AbortController().signal;
  const chunks = Math.ceil(TEXT.length / CHUNK_BYTES);

  const plain = async (): Promise<RecomputedChunk[]> => {
    const file = join(dir, "syslog");
    writeFileSync(file, TEXT);
    const again: RecomputedChunk[] = [];
    for (let n = 0; n < chunks; n++) {
      const chunk: Chunk = {
        id: `${ORIGIN.fileId}-${String(n)}`,
        origin: ORIGIN,
        range: { start: n * CHUNK_BYTES, end: Math.min((n + 1) * CHUNK_BYTES, TEXT.length) },
        format: "syslog",
        // As planned, which is not what counts here.
        source: { kind: "plain", file, size: 1, mtimeMs: 1 },
        pipeline: recompute.hash,
      };
      const { fileLength, ...rest } = await recompute.plain(chunk);
      expect(fileLength).toBe(TEXT.length);
      again.push(rest);
    }
    return again;
  };

  const packed = async (wanted: (id: string) => boolean): Promise<RecomputedChunk[]> => {
    const file = join(dir, "syslog.gz");
    writeFileSync(file, gzipSync(TEXT));
    const unpack: Unpack = {
      id: "u",
      format: "gzip",
      file,
      size: statSync(file).size + 1,
      mtimeMs: 1,
      members: [{ member: "", origin: ORIGIN }],
      stream: [],
      chunkBytes: CHUNK_BYTES,
      stagingDir: "/nowhere",
      stagingLimitBytes: 1,
      pipeline: recompute.hash,
    };
    const again: RecomputedChunk[] = [];
    await recompute.packed(unpack, wanted, (chunk) => Promise.resolve(void again.push(chunk)), signal);
    return again;
  };

  it("tile it, with the digests of their bytes, and are the same of a compressed file", async () => {
    const again = await plain();
    expect(again.length).toBe(chunks);
    let at = 0;
    for (const { covered, sha256 } of again) {
      expect(covered[0]).toBe(at);
      at = covered[1];
      expect(sha256).toBe(
        createHash("sha256")
          .update(TEXT.slice(...covered))
          .digest("hex"),
      );
    }
    expect(at).toBe(TEXT.length);
    const documents = (all: readonly RecomputedChunk[]) => all.map((chunk) => [...expectedDocuments(chunk, {}, [])]);
    const unpacked = await packed(() => true);
    expect(unpacked.map(({ id, covered, sha256 }) => ({ id, covered, sha256 }))).toEqual(
      again.map(({ id, covered, sha256 }) => ({ id, covered, sha256 })),
    );
    expect(documents(unpacked)).toEqual(documents(again));
    expect((await packed((id) => id.endsWith("-1"))).map(({ id }) => id)).toEqual([again[1]?.id]);
  });

  it("make documents whose places and ids are their own, without those that were rejected", async () => {
    const [first] = await plain();
    if (!first) throw new Error("no chunk");
    const all = [...expectedDocuments(first, {}, [])];
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { offset, source, index } of all) {
      expect(source).toMatchObject({ offset, file: "syslog" });
      expect(index).toBe("logs-2013.01.10-m2013.01-r1");
      expect(TEXT.slice(offset, offset + 6)).toBe("Jan 10");
    }
    const copies = [...Map.groupBy(all, ({ offset }) => offset).values()].find(({ length }) => length > 1);
    const [one, ...others] = copies ?? [];
    expect(others.length).toBe(2);
    const without = [...expectedDocuments(first, {}, [{ offset: one?.offset ?? 0, id: one?.id ?? "" }])];
    expect(without).toEqual(all.filter((document) => document !== one));
    const nameless = [...expectedDocuments(first, {}, [{ offset: one?.offset ?? 0, id: "" }])];
    expect(nameless.length).toBe(all.length - 1);
  });

  it("have the tag of the committed attempt where the store makes the ids", async () => {
    const [first] = await plain();
    const [document] = first ? expectedDocuments(first, { tag: "t1" }, []) : [];
    expect(document?.source).toMatchObject({ "@attempt": "t1" });
  });
});
