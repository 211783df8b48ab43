import { DataError } from "./errors.ts";

/**
 * What a file is, told by its first bytes. Pure: the inventory and the worker's sources read the
 * bytes themselves and both decide here, so that plan and worker never disagree.
 */

/** Formats that are read; `plain` is everything without a known signature. */
export type ReadableFormat = "plain" | "gzip" | "7z";
/** Formats that are recognised, so that nobody loads their bytes as lines, but not read. */
export type UnsupportedFormat = "bzip2" | "xz" | "zstd" | "zip" | "tar" | "compress" | "lz4" | "rar";
export type ArchiveFormat = ReadableFormat | UnsupportedFormat;

/** How many first bytes {@link recogniseFormat} wants to see; fewer only when the file is shorter. */
export const FORMAT_HEAD_BYTES = 512;

interface Signature {
  readonly format: Exclude<ArchiveFormat, "plain">;
  readonly at: number;
  readonly bytes: readonly number[];
}

/** @source magic(5), and each format's own description of its header */
const SIGNATURES: readonly Signature[] = [
  { format: "gzip", at: 0, bytes: [0x1f, 0x8b, 0x08] },
  { format: "7z", at: 0, bytes: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] },
  { format: "bzip2", at: 0, bytes: [0x42, 0x5a, 0x68, -1, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59] },
  // An empty bzip2 stream has the end mark where others have the block mark.
  { format: "bzip2", at: 0, bytes: [0x42, 0x5a, 0x68, -1, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90] },
  { format: "xz", at: 0, bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { format: "zstd", at: 0, bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { format: "zip", at: 0, bytes: [0x50, 0x4b, 0x03, 0x04] },
  { format: "zip", at: 0, bytes: [0x50, 0x4b, 0x05, 0x06] },
  { format: "compress", at: 0, bytes: [0x1f, 0x9d] },
  { format: "lz4", at: 0, bytes: [0x04, 0x22, 0x4d, 0x18] },
  { format: "rar", at: 0, bytes: [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07] },
  { format: "tar", at: 257, bytes: [0x75, 0x73, 0x74, 0x61, 0x72] },
];

/** The format of a file that begins with `head`. A file too short for any signature is plain. */
export function recogniseFormat(head: Uint8Array): ArchiveFormat {
  for (const { format, at, bytes } of SIGNATURES) {
    // -1 stands for any byte.
    if (head.length >= at + bytes.length && bytes.every((byte, i) => byte === -1 || head[at + i] === byte)) {
      return format;
    }
  }
  return "plain";
}

/**
 * Whether nothing but a part of its signature, or nothing at all, is left of a file that its name calls compressed. By content alone it would be
 * plain.
 */
export function breaksOffAtOnce(path: string, head: Uint8Array): boolean {
  const suffix = SUFFIX.exec(path)?.[1]?.toLowerCase();
  const signature = SIGNATURES.find(({ format }) => format === (suffix === "gz" ? "gzip" : suffix));
  return (
    signature !== undefined && head.length < signature.bytes.length && head.every((b, i) => b === signature.bytes[i])
  );
}

/** True for the formats that have a source. */
export function isReadable(format: ArchiveFormat): format is ReadableFormat {
  return format === "plain" || format === "gzip" || format === "7z";
}

/** The error for a file whose format is known but not read. */
export function unsupportedFormat(file: string, format: ArchiveFormat): DataError {
  return new DataError(
    "FORMAT_UNSUPPORTED",
    `${file} is a ${format} file, which is not read; decompress it, or compress it again with gzip or 7z`,
    { context: { file, format } },
  );
}

/** Compression suffixes that are no part of a file's identity. */
const SUFFIX = /\.(gz|7z)$/i;

/** The path without its compression suffix: `syslog.gz` → `syslog`. Only for compressed files. */
export function withoutCompressionSuffix(path: string): string {
  return path.replace(SUFFIX, "");
}

/** A file inside a 7z archive. */
export interface SevenZipMember {
  readonly member: string;
  /** Bytes after decompression. */
  readonly size: number;
  /** Which solid block holds it; blocks decode independently. -1 for an empty file. */
  readonly block: number;
  readonly encrypted: boolean;
  /** CRC-32 of its bytes, when the archive has one. */
  readonly crc?: number;
  /** Its modification, when the archive says it, as a time of the zone that the listing was made in; list in UTC to use it. */
  readonly modifiedMs?: number;
}

/**
 * The arguments that list an archive. `-p-` answers the question for a password, which
 * would otherwise wait on the terminal; an encrypted listing fails then.
 */
export function sevenZipListArgv(file: string): readonly string[] {
  return ["l", "-slt", "-sccUTF-8", "-p-", "--", file];
}

/** The names under which the 7-Zip program is installed, best first. */
export const SEVEN_ZIP_PROGRAMS: readonly string[] = ["7zz", "7z", "7za"];

/**
 * Reads what `7z l -slt` printed: the regular files of the archive in the archive's order, which is the
 * order in which `7z x -so` writes them out. Directories are left out, empty files are kept.
 *
 * @throws DataError `ARCHIVE_LISTING` when the text is not such a listing.
 * @source 7-Zip 26.02 and p7zip 16.02; listings as they print them are in test/unit/worker/contract/archive-format.test.ts
 */
export function parseSevenZipList(stdout: string, file: string): readonly SevenZipMember[] {
  const begin = /^-{10}\r?\n/m.exec(stdout);
  if (!begin) {
    // An archive without any member has no such line, but does say what it is.
    if (/^Type = 7z\r?$/m.test(stdout)) return [];
    throw new DataError("ARCHIVE_LISTING", `${file}: 7z did not list it as an archive; test it with \`7z t\``, {
      context: { file },
    });
  }
  const members: SevenZipMember[] = [];
  let fields = new Map<string, string>();
  const finish = (): void => {
    const path = fields.get("Path");
    if (path === undefined) return;
    if (!isDirectory(fields)) members.push(memberOf(path, fields, file));
    fields = new Map();
  };
  for (const line of stdout.slice(begin.index + begin[0].length).split("\n")) {
    // The first ` = ` divides: a path may hold another. The value is taken as it stands, blanks included.
    const at = line.indexOf(" =");
    if (at < 0) continue;
    const key = line.slice(0, at);
    if (key === "Path") finish();
    if (!fields.has(key)) fields.set(key, line.slice(at + 3));
  }
  finish();
  return members;
}

function isDirectory(fields: ReadonlyMap<string, string>): boolean {
  return fields.get("Folder")?.trim() === "+" || (fields.get("Attributes") ?? "").startsWith("D");
}

function memberOf(path: string, fields: ReadonlyMap<string, string>, file: string): SevenZipMember {
  const sizeText = (fields.get("Size") ?? "").trim();
  const size = Number(sizeText);
  if (sizeText === "" || !Number.isSafeInteger(size)) {
    throw new DataError("ARCHIVE_LISTING", `${file}: 7z lists no size for its member "${path}"; repack the archive`, {
      context: { file, member: path },
    });
  }
  const block = (fields.get("Block") ?? "").trim();
  const crc = (fields.get("CRC") ?? "").trim();
  const modified = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/.exec(fields.get("Modified") ?? "");
  return {
    member: path,
    size,
    block: block === "" ? -1 : Number(block),
    encrypted: fields.get("Encrypted")?.trim() === "+",
    ...(/^[0-9A-F]{8}$/i.test(crc) ? { crc: Number.parseInt(crc, 16) } : {}),
    ...(modified ? { modifiedMs: Date.parse(`${modified[1]!}T${modified[2]!}Z`) } : {}),
  };
}

/**
 * The error for a 7z program that ended with an exit code other than 0 while it listed `file`.
 *
 * @param output what it printed, both streams
 * @source 7-Zip 26.02: "Cannot open encrypted archive. Wrong password?", "Unexpected end of archive"
 */
export function sevenZipFailure(file: string, exitCode: number, output: string): DataError {
  const context = { file, exitCode };
  if (/encrypted|Wrong password/i.test(output)) return encryptedArchive(file);
  if (/Unexpected end of archive/i.test(output)) {
    return new DataError(
      "ARCHIVE_TRUNCATED",
      `${file} breaks off before its end. A 7z archive has its directory at the end, so nothing in it can be read; fetch it again`,
      { context },
    );
  }
  const said = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(7-Zip|p7zip|Scanning|Listing|Errors?:|--|\d+ files?,)/.test(line))
    .slice(0, 3)
    .join("; ");
  return new DataError(
    "ARCHIVE_DAMAGED",
    `7z cannot read ${file} (exit code ${exitCode}): ${said}; test it with \`7z t\``,
    {
      context,
    },
  );
}

/** The error for an archive with a password. */
export function encryptedArchive(file: string): DataError {
  return new DataError(
    "ARCHIVE_ENCRYPTED",
    `${file} is encrypted, and gridharvest takes no passwords; unpack it, or repack it without one`,
    { context: { file } },
  );
}
