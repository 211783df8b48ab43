import { readFile } from "node:fs/promises";
import { z } from "zod";
import { StoreError } from "../../worker/contract/errors.ts";
import { parseJson } from "../../worker/contract/json.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import type { Plan } from "../plan.ts";
import { withReplays } from "../replay/sums.ts";
import { merkleRoot, MerkleTree } from "./merkle.ts";

/**
 * A campaign's manifest: what was read of each file and what became of it, under one Merkle root for each file and each month. Whoever has the
 * raw files can compute it again without us; it holds nothing that differs between two loads of the same lines by the same rules.
 */

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const chunkSchema = z.strictObject({
  id: z.string(),
  /** The bytes `[first, last)` of the file after decompression. */
  first: z.int(),
  last: z.int(),
  /** Absent where a version loaded it that made no digest. */
  sha256: hash.optional(),
  read: z.int(),
  documents: z.int(),
  dropped: z.int(),
  rejected: z.int(),
});

const fileSchema = z.strictObject({
  path: z.string(),
  month: z.string(),
  /** Bytes after decompression, which the chunks tile; absent of a file that was not loaded whole. */
  length: z.int().optional(),
  root: hash,
  /** Those that own a line, in the order of their bytes. */
  chunks: z.array(chunkSchema),
});

const manifestSchema = z.strictObject({
  version: z.literal(1),
  campaign: z.string(),
  plan: z.string(),
  /** How the roots are made. */
  tree: z.string(),
  months: z.record(z.string(), z.strictObject({ root: hash, files: z.int() })),
  files: z.array(fileSchema),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestFile = z.infer<typeof fileSchema>;
export type ManifestChunk = z.infer<typeof chunkSchema>;

/** Says in the file itself what a stranger needs to compute the roots again. */
const TREE =
  "SHA-256 as in RFC 6962, 2.1: 0x00 before a leaf's bytes, 0x01 before two hashes. " +
  'Leaves of a file, one for each of its chunks here: "first last sha256 read documents dropped rejected", one blank between, "-" for no digest; ' +
  "sha256 is that of the bytes from first up to, not including, last of the file after decompression; read counts lines, one that is written out as n of them n times. " +
  'Leaves of a month, one for each of its files here: "root length path", "-" for no length. Texts are UTF-8, hashes hexadecimal.';

/**
 * The text of a manifest in pieces, so that one of a million files never stands in memory as one. A chunk's counts say what became of its lines in the
 * end, replays of rejected documents included.
 * @param lengths by file id, of the files that were loaded whole
 * @returns the root of each month
 */
export function* manifestText(
  campaign: string,
  plan: Pick<Plan, "id" | "files">,
  rows: readonly LedgerRow[],
  lengths: ReadonlyMap<string, number>,
): Generator<string, Readonly<Record<string, string>>> {
  const months = new Map<string, { readonly tree: MerkleTree; files: number }>();
  const byFile = Map.groupBy(withReplays(rows), (row) => row.fileId);
  const head = { version: 1, campaign, plan: plan.id, tree: TREE };
  yield `${JSON.stringify(head).slice(0, -1)},\n"files":[`;
  let comma = "";
  for (const { fileId, path, month } of byBytes(plan.files.map(({ origin }) => origin))) {
    const chunks = (byFile.get(fileId) ?? []).filter(({ covered: [first, last] }) => last > first).map(chunkOf);
    chunks.sort((a, b) => a.first - b.first);
    const length = lengths.get(fileId);
    const file: ManifestFile = {
      path,
      month,
      ...(length === undefined ? {} : { length }),
      root: fileRoot(chunks),
      chunks,
    };
    const of = months.get(month) ?? { tree: new MerkleTree(), files: 0 };
    months.set(month, of);
    of.tree.add(`${file.root} ${String(length ?? "-")} ${path}`);
    of.files += 1;
    yield `${comma}\n${JSON.stringify(file)}`;
    comma = ",";
  }
  const sorted = [...months].sort(([a], [b]) => (a < b ? -1 : 1));
  const roots = sorted.map(([month, { tree, files }]) => [month, { root: tree.root(), files }] as const);
  yield `],\n"months":${JSON.stringify(Object.fromEntries(roots))}}\n`;
  return Object.fromEntries(roots.map(([month, { root }]) => [month, root]));
}

/** Paths in the order of their bytes, as `sort` of a stranger's script has it: a plan's, unless a character has two code units. */
function byBytes<T extends { readonly path: string }>(files: readonly T[]): readonly T[] {
  if (!files.some(({ path }) => /[\ud800-\udfff]/.test(path))) return files;
  const bytes = new Map(files.map(({ path }) => [path, Buffer.from(path)]));
  const of = (file: T): Buffer => bytes.get(file.path) ?? Buffer.alloc(0);
  return files.toSorted((a, b) => Buffer.compare(of(a), of(b)));
}

/** @returns undefined when there is none: the campaign was loaded by a version that made none. @throws StoreError `MANIFEST_DAMAGED` */
export async function readManifest(file: string): Promise<Manifest | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw damaged(file, "cannot be read", error);
  }
  const { data, error } = manifestSchema.safeParse(parseJson(text));
  if (error) throw damaged(file, "is no manifest", error);
  return data;
}

function damaged(file: string, problem: string, cause: unknown): StoreError {
  return new StoreError(
    "MANIFEST_DAMAGED",
    `${file} ${problem}: without it nobody knows how long the files were that were loaded; restore it from a copy of the campaign's directory`,
    { cause, context: { file } },
  );
}

function fileRoot(chunks: readonly ManifestChunk[]): string {
  return merkleRoot(
    chunks.map(({ first, last, sha256, read, documents, dropped, rejected }) =>
      [first, last, sha256 ?? "-", read, documents, dropped, rejected].join(" "),
    ),
  );
}

function chunkOf({ chunk, covered: [first, last], sha256, counts }: LedgerRow): ManifestChunk {
  const { read, written, duplicate, dropped, rejected } = counts;
  const digest = sha256 === undefined ? {} : { sha256 };
  return { id: chunk, first, last, ...digest, read, documents: written + duplicate, dropped, rejected };
}
