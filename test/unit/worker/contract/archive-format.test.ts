import { describe, expect, it } from "vitest";
import { gzipSync, zstdCompressSync } from "node:zlib";
import {
  isReadable,
  parseSevenZipList,
  recogniseFormat,
  sevenZipFailure,
  withoutCompressionSuffix,
} from "../../../../worker/contract/archive-format.ts";

const tar = Buffer.alloc(512);
tar.write("ustar", 257);

describe("recogniseFormat", () => {
  it.each([
    ["nothing", Buffer.alloc(0), "plain"],
    ["text", Buffer.from("Jan 10 00:00:00 host sshd[1]: x\n"), "plain"],
    ["text that begins like bzip2", Buffer.from("BZh9 is no magic\n"), "plain"],
    ["text that begins like zip", Buffer.from("PK\n"), "plain"],
    ["half a signature", Buffer.from([0x1f, 0x8b]), "plain"],
    ["gzip", gzipSync("x"), "gzip"],
    ["zstd", zstdCompressSync("x"), "zstd"],
    ["7z", Buffer.from("377abcaf271c0004", "hex"), "7z"],
    ["bzip2", Buffer.from("425a68393141592653590000", "hex"), "bzip2"],
    ["xz", Buffer.from("fd377a585a000004", "hex"), "xz"],
    ["zip", Buffer.from("504b030414000000", "hex"), "zip"],
    ["tar", tar, "tar"],
    ["compress", Buffer.from("1f9d90", "hex"), "compress"],
  ])("%s", (_name, head, format) => {
    expect(recogniseFormat(head)).toBe(format);
  });

  it("tells the readable from the known", () => {
    expect((["plain", "gzip", "7z", "zstd", "tar"] as const).map(isReadable)).toEqual([true, true, true, false, false]);
  });
});

describe("withoutCompressionSuffix", () => {
  it.each([
    ["a/syslog.gz", "a/syslog"],
    ["a/day.7z", "a/day"],
    ["a/syslog", "a/syslog"],
    ["a.gz/syslog", "a.gz/syslog"],
  ])("%s", (path, identity) => {
    expect(withoutCompressionSuffix(path)).toBe(identity);
  });
});

describe("parseSevenZipList", () => {
  const head = "\n7-Zip [64] 26.02\n\nListing archive: t.7z\n\n--\nPath = t.7z\nType = 7z\nSolid = +\n\n----------\n";
  const member = (path: string, size: string, more = "Attributes = A -rw-r--r--\nEncrypted = -\nBlock = 0\n"): string =>
    `Path = ${path}\nSize = ${size}\nPacked Size = \nCRC = 775F54D8\n${more}\n`;

  it("keeps the order, leaves directories out, takes names as they stand", () => {
    const text =
      head +
      member("d", "0", "Attributes = D drwxr-xr-x\nBlock = \n") +
      member(" a = b ", "6") +
      member("Path = x", "7");
    expect(parseSevenZipList(text, "t.7z")).toEqual([
      { member: " a = b ", size: 6, block: 0, encrypted: false, crc: 0x775f54d8 },
      { member: "Path = x", size: 7, block: 0, encrypted: false, crc: 0x775f54d8 },
    ]);
  });

  it("takes modification times for UTC", () => {
    const more = "Modified = 2013-02-01 06:25:03.1234567\nBlock = 0\n";
    const [first, second] = parseSevenZipList(
      head + member("a", "1", more) + member("b", "1", "Modified = \n"),
      "t.7z",
    );
    expect(first?.modifiedMs).toBe(Date.UTC(2013, 1, 1, 6, 25, 3));
    expect(second?.modifiedMs).toBeUndefined();
  });

  it("sees encryption", () => {
    const [first] = parseSevenZipList(head + member("a", "1", "Encrypted = +\nBlock = 0\n"), "t.7z");
    expect(first?.encrypted).toBe(true);
  });

  it("refuses what is no listing, and a member without a size", () => {
    expect(() => parseSevenZipList("Can not open", "t.7z")).toThrow(/t\.7z/);
    expect(() => parseSevenZipList(head + member("a", ""), "t.7z")).toThrow(/no size/);
  });
});

describe("sevenZipFailure", () => {
  it.each([
    ["ERROR: enc.7z : Cannot open encrypted archive. Wrong password?", "ARCHIVE_ENCRYPTED"],
    ["ERRORS:\nUnexpected end of archive", "ARCHIVE_TRUNCATED"],
    ["ERROR: x : Data Error", "ARCHIVE_DAMAGED"],
  ])("%s", (output, code) => {
    expect(sevenZipFailure("x.7z", 2, output)).toMatchObject({
      code,
      message: expect.stringContaining("x.7z") as string,
    });
  });
});
