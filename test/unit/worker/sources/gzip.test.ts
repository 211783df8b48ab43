import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { gzip } from "../../../../worker/sources/gzip.ts";

const dir = mkdtempSync(join(tmpdir(), "gridharvest-gzip-"));
afterAll(() => rmSync(dir, { recursive: true }));

const lines = (n: number): Buffer =>
  Buffer.from(Array.from({ length: n }, (_, i) => `Jan 10 00:00:00 host sshd[${i * 7919}]: line ${i}\n`).join(""));

async function read(file: string): Promise<{ bytes: Buffer; problem: string | undefined }> {
  const parts: Uint8Array[] = [];
  let problem: string | undefined;
  for await (const piece of gzip.open(file, new AbortController().signal)) {
    if (piece.kind === "bytes") parts.push(piece.bytes);
    if (piece.kind === "broken") problem = piece.problem;
  }
  return { bytes: Buffer.concat(parts), problem };
}

function file(name: string, ...parts: readonly Uint8Array[]): string {
  const path = join(dir, name);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

/** What the gzip program makes of the same file. */
function reference(path: string): Buffer {
  try {
    return execFileSync("gzip", ["-dc"], { input: execFileSync("cat", [path]), maxBuffer: 2 ** 28, stdio: "pipe" });
  } catch (error) {
    return (error as { stdout: Buffer }).stdout;
  }
}

describe("gzip source", () => {
  it("says when it waits for the file's bytes, and when it has them", async () => {
    const path = file("told.gz", gzipSync(lines(100_000)));
    let waits = 0;
    let ends = 0;
    const waiting = { begin: () => ((waits += 1), () => (ends += 1)) };
    for await (const piece of gzip.open(path, new AbortController().signal, waiting)) {
      if (piece.kind === "bytes") expect(ends).toBe(waits);
    }
    expect(waits).toBeGreaterThan(1);
    expect(ends).toBe(waits);
  });

  const text = lines(60_000);

  it.each([
    ["one member", [gzipSync(text)]],
    ["several members", [gzipSync(text), gzipSync(lines(3)), gzipSync("")]],
    ["an empty member", [gzipSync("")]],
    ["zero padding behind it", [gzipSync(text), Buffer.alloc(100_000)]],
    ["garbage behind it", [gzipSync(lines(5)), Buffer.from("PK not gzip at all")]],
  ])("reads a file of %s as gzip does", async (name, parts) => {
    const path = file(`${name}.gz`, ...parts);
    const { bytes, problem } = await read(path);
    expect(problem).toBeUndefined();
    expect(bytes.equals(reference(path))).toBe(true);
  });

  it("reads a header with name, comment, extra field and checksum", async () => {
    const plain = gzipSync("x\n");
    const header = Buffer.from([0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3, 3, 0, 1, 2, 3]);
    const path = file("header.gz", header, Buffer.from("name\0a comment\0"), Buffer.from([0, 0]), plain.subarray(10));
    expect(await read(path)).toEqual({ bytes: Buffer.from("x\n"), problem: undefined });
  });

  it.each([0.01, 0.3, 0.7, 0.999])("keeps all that was before the end of a file cut at %d of it", async (share) => {
    const whole = gzipSync(text);
    const path = file(`cut-${share}.gz`, whole.subarray(0, Math.floor(whole.length * share)));
    const { bytes, problem } = await read(path);
    expect(problem).toMatch(/ends inside/);
    // gzip stops one symbol (at most 258 bytes) earlier where the last byte of the file ends one.
    expect(bytes.length - reference(path).length).toSatisfy((more: number) => more >= 0 && more <= 258);
    expect(text.subarray(0, bytes.length).equals(bytes)).toBe(true);
  });

  it("keeps what was before damage, the same every time, and at least what gzip keeps", async () => {
    const broken = Buffer.from(gzipSync(text));
    broken.fill(0xff, broken.length >> 1, (broken.length >> 1) + 64);
    const path = file("damaged.gz", broken);
    const first = await read(path);
    expect(first.problem).toMatch(/damaged|checksum/);
    expect(first.bytes.length).toBeGreaterThanOrEqual(reference(path).length);
    const common = Math.floor(text.length * 0.45);
    expect(first.bytes.subarray(0, common).equals(text.subarray(0, common))).toBe(true);
    expect((await read(path)).bytes.equals(first.bytes)).toBe(true);
  });

  it("salvages a small damaged file too", async () => {
    const small = lines(400);
    const broken = Buffer.from(gzipSync(small));
    broken.fill(0xff, broken.length - 200, broken.length - 100);
    const { bytes, problem } = await read(file("small.gz", broken));
    expect(problem).toBeDefined();
    expect(bytes.length).toBeGreaterThan(small.length / 2);
  });

  it("says so when the checksum is wrong, and keeps the bytes", async () => {
    const broken = Buffer.from(gzipSync(lines(10)));
    broken[broken.length - 6] = (broken[broken.length - 6] ?? 0) ^ 1;
    const { bytes, problem } = await read(file("crc.gz", broken));
    expect(bytes.equals(lines(10))).toBe(true);
    expect(problem).toMatch(/checksum is wrong/);
  });

  it("names a missing file", async () => {
    await expect(read(join(dir, "nowhere.gz"))).rejects.toMatchObject({ code: "FILE_MISSING" });
  });
});
