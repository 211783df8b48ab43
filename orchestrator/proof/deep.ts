import { join } from "node:path";
import type { Origin, Unpack } from "../../worker/contract/chunk.ts";
import { DataError } from "../../worker/contract/errors.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import type { Recompute, RecomputedChunk } from "../../worker/contract/recompute.ts";
import type { RejectedDocument } from "../../worker/contract/rejected-document.ts";
import { chunksOf, unpacksOf, type Plan, type PlannedFile } from "../plan.ts";
import { compareDocuments, type DocumentDifferences } from "./compare-documents.ts";
import {
  isWhole,
  summaryOf,
  type ArchiveDifference,
  type ChunkDifference,
  type DeepComparison,
} from "./deep-result.ts";
import { isReplay, type ReplayRow } from "../replay/sums.ts";
import { expectedDocuments, type ExpectedDocument } from "./documents.ts";
import type { KeptForm } from "./kept-form.ts";
import type { StoredDocuments } from "./stored-documents.ts";

/** What the archive is compared with, and how. */
export interface DeepTask {
  readonly plan: Plan;
  /** The ledger. */
  readonly rows: readonly LedgerRow[];
  /** By file id, of the files that were loaded whole. */
  readonly lengths: ReadonlyMap<string, number> | undefined;
  /** What of a row's chunk was rejected. */
  readonly rejected: (row: LedgerRow) => Promise<readonly RejectedDocument[]>;
  /** Of the pipeline with this hash: the plan's, that of a replay, or that of an earlier campaign. */
  readonly recompute: (pipeline: string) => Promise<Recompute>;
  readonly stored: StoredDocuments;
  /** What the store keeps of a document. */
  readonly kept: KeptForm;
  /** Values of the field `file` that stand in the store. */
  readonly storedFiles: Iterable<string>;
  readonly selection: Selection;
  /** Called with what was found of a place that is not as it should be. */
  readonly found?: (differences: DocumentDifferences) => Promise<void>;
}

/** Which of a campaign's chunks are compared. */
export interface Selection {
  chunk(row: LedgerRow, path: string): boolean;
  /** Whether documents are looked for that say this file, or none, and lie in no chunk. */
  strays(path: string | undefined): boolean;
}

/**
 * Recomputes a campaign's chunks from the archive and compares their documents with those that stand in the store, all fields of each; first
 * the bytes with the ledger's digest, so that a changed archive is told apart from changed documents. What a replay has loaded is made of the rejected
 * documents that it has taken, by its own pipeline. Chunks that the ledger has not are not
 * compared; documents that lie in no chunk of it are found. Holds the documents of a chunk in memory.
 * @throws StoreError; DataError only for what is no fault of one file
 */
export async function compareDeep(task: DeepTask, signal: AbortSignal): Promise<DeepComparison> {
  const comparison = new Comparison(task, await task.recompute(task.plan.pinned.pipeline), signal);
  const rowsOf = Map.groupBy(
    task.rows.filter((row) => !isReplay(row)),
    ({ fileId }) => fileId,
  );
  const packed = new Map<string, PlannedFile>();
  for (const file of task.plan.files) {
    const { fileId, path } = file.origin;
    const rows = rowsOf.get(fileId) ?? [];
    if (rows.some((row) => task.selection.chunk(row, path))) {
      if (file.source.kind === "plain") await comparison.plain(file, rows);
      else packed.set(fileId, file);
    }
    await comparison.strays(path, rows);
  }
  for (const unpack of unpacksOf(task.plan, { dir: "", limitBytes: Infinity })) {
    const files = unpack.members.flatMap(({ origin }) => packed.get(origin.fileId) ?? []);
    if (files.length > 0) await comparison.packed(unpack, files, rowsOf);
  }
  const planned = new Set(task.plan.files.map(({ origin }) => origin.path));
  for (const path of task.storedFiles) if (!planned.has(path)) await comparison.strays(path, []);
  await comparison.strays(undefined, []);
  return comparison.result();
}

class Comparison {
  readonly #task: DeepTask;
  /** By the plan's pipeline. */
  readonly #recompute: Recompute;
  readonly #signal: AbortSignal;
  readonly #origins: ReadonlyMap<string, Origin>;
  readonly #rows: ReadonlyMap<string, LedgerRow>;
  readonly #replays: ReadonlyMap<string, readonly ReplayRow[]>;
  readonly #files = new Set<string>();
  readonly #differences: ChunkDifference[] = [];
  readonly #archive: ArchiveDifference[] = [];
  #chunks = 0;
  #documents = 0;

  constructor(task: DeepTask, recompute: Recompute, signal: AbortSignal) {
    this.#task = task;
    this.#recompute = recompute;
    this.#signal = signal;
    this.#origins = new Map(task.plan.files.map(({ origin }) => [origin.fileId, origin]));
    this.#rows = new Map(task.rows.map((row) => [row.chunk, row]));
    this.#replays = Map.groupBy(task.rows.filter(isReplay), ({ replay }) => replay.chunk);
  }

  result(): DeepComparison {
    return {
      files: this.#files.size,
      chunks: this.#chunks,
      documents: this.#documents,
      differences: this.#differences,
      archive: this.#archive,
    };
  }

  async plain(file: PlannedFile, rows: readonly LedgerRow[]): Promise<void> {
    const { path } = file.origin;
    const wanted = this.#wanted(path, rows);
    let length: number | undefined;
    await this.#costsFile(path, async () => {
      for (const chunk of chunksOf(file, this.#task.plan)) {
        const row = wanted.get(chunk.id);
        if (!row) continue;
        const again = await (await this.#recomputeOf(row)).plain(chunk);
        length = again.fileLength;
        await this.#chunk(path, row, again);
      }
    });
    this.#compareLength(file, length);
  }

  /** By the pipeline that made the row's documents: that of the plan, unless an earlier campaign has loaded it. */
  async #recomputeOf({ carried }: LedgerRow): Promise<Recompute> {
    return carried ? await this.#task.recompute(carried.pipeline) : this.#recompute;
  }

  async packed(
    unpack: Unpack,
    files: readonly PlannedFile[],
    rowsOf: ReadonlyMap<string, readonly LedgerRow[]>,
  ): Promise<void> {
    // Of one archive an earlier campaign may have loaded some members.
    const first = ({ origin }: PlannedFile): LedgerRow | undefined => rowsOf.get(origin.fileId)?.[0];
    for (const some of Map.groupBy(files, (file) => first(file)?.carried?.pipeline).values()) {
      const row = first(some[0]!);
      await this.#packed(unpack, some, rowsOf, row ? await this.#recomputeOf(row) : this.#recompute);
    }
  }

  async #packed(
    unpack: Unpack,
    files: readonly PlannedFile[],
    rowsOf: ReadonlyMap<string, readonly LedgerRow[]>,
    recompute: Recompute,
  ): Promise<void> {
    const wanted = new Map(
      files.flatMap(({ origin }) =>
        [...this.#wanted(origin.path, rowsOf.get(origin.fileId) ?? [])].map(
          ([id, row]) => [id, { row, path: origin.path }] as const,
        ),
      ),
    );
    const name = unpack.file.slice(join(this.#task.plan.root, "/").length);
    await this.#costsFile(name, async () => {
      const { files: unpacked } = await recompute.packed(
        unpack,
        (id) => wanted.has(id),
        async (chunk) => {
          const one = wanted.get(chunk.id);
          if (one) await this.#chunk(one.path, one.row, chunk);
          wanted.delete(chunk.id);
        },
        this.#signal,
      );
      const lengths = new Map(unpacked.map(({ fileId, length }) => [fileId, length]));
      for (const file of files) this.#compareLength(file, lengths.get(file.origin.fileId));
      for (const { row, path } of wanted.values()) {
        if (row.covered[1] > row.covered[0])
          this.#isOtherArchive(path, row, "its bytes are not in the archive any more");
      }
    });
  }

  /** Documents of a file, or of none, that lie in no chunk of it. */
  async strays(path: string | undefined, rows: readonly LedgerRow[]): Promise<void> {
    const { stored, selection, found } = this.#task;
    if (!selection.strays(path)) return;
    this.#signal.throwIfAborted();
    const extra = path === undefined ? await stored.ofNoFile() : await stored.outside(path, joinedRanges(rows));
    if (extra.length === 0) return;
    const differences = { missing: [], altered: [], extra };
    this.#differences.push({ ...(path === undefined ? {} : { file: path }), ...summaryOf(differences) });
    await found?.(differences);
  }

  #wanted(path: string, rows: readonly LedgerRow[]): Map<string, LedgerRow> {
    return new Map(rows.filter((row) => this.#task.selection.chunk(row, path)).map((row) => [row.chunk, row]));
  }

  async #chunk(path: string, row: LedgerRow, chunk: RecomputedChunk): Promise<void> {
    this.#signal.throwIfAborted();
    this.#files.add(path);
    this.#chunks += 1;
    const [first, last] = row.covered;
    if (chunk.covered[0] !== first || chunk.covered[1] !== last) {
      const now = chunk.covered.map(String).join(" to ");
      this.#isOtherArchive(path, row, `its lines were bytes ${String(first)} to ${String(last)}, now they are ${now}`);
      return;
    }
    if (row.sha256 !== undefined && row.sha256 !== chunk.sha256) {
      this.#isOtherArchive(path, row, "its bytes are others than those that were loaded (SHA-256)");
      return;
    }
    if (first === last) return;
    const { stored, kept, found } = this.#task;
    const expected = [...expectedDocuments(chunk, row, await this.#rejected(row))];
    for (const replay of this.#replays.get(row.chunk) ?? []) expected.push(...(await this.#replayed(replay)));
    this.#documents += expected.length;
    const differences = compareDocuments(
      expected,
      await stored.inRange(path, row.covered),
      row.tag === undefined,
      kept,
    );
    if (isWhole(differences)) return;
    this.#differences.push({ chunk: row.chunk, file: path, range: row.covered, ...summaryOf(differences) });
    await found?.(differences);
  }

  async #rejected(row: LedgerRow | undefined): Promise<readonly RejectedDocument[]> {
    return !row || row.counts.rejected === 0 ? [] : await this.#task.rejected(row);
  }

  /** The documents that a replay left in the store. */
  async #replayed(row: ReplayRow): Promise<Iterable<ExpectedDocument>> {
    const { of, pipeline } = row.replay;
    const origin = this.#origins.get(row.fileId);
    if (!origin) return [];
    const recompute = await this.#task.recompute(pipeline);
    const batches = recompute.replayed(await this.#rejected(this.#rows.get(of)), origin);
    return expectedDocuments({ batches }, row, await this.#rejected(row));
  }

  /** What was appended since lies in no chunk. */
  #compareLength({ origin: { fileId, path } }: PlannedFile, now: number | undefined): void {
    const loaded = this.#task.lengths?.get(fileId);
    if (now === undefined || loaded === undefined || now === loaded) return;
    const problem = `the archive has changed: ${String(loaded)} bytes were loaded, now it has ${String(now)}`;
    this.#archive.push({ file: path, problem });
  }

  #isOtherArchive(file: string, { chunk }: LedgerRow, problem: string): void {
    this.#archive.push({ file, chunk, problem: `the archive has changed: ${problem}` });
  }

  /** What is one file's fault costs that file. */
  async #costsFile(file: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.#archive.push({ file, problem: error.message });
    }
  }
}

/** The ranges of chunks, neighbours in one. */
function joinedRanges(rows: readonly LedgerRow[]): [first: number, last: number][] {
  const joined: [number, number][] = [];
  const ranges = rows.map(({ covered }) => covered).filter(([first, last]) => last > first);
  for (const [first, last] of ranges.sort((a, b) => a[0] - b[0])) {
    const before = joined.at(-1);
    if (before?.[1] === first) before[1] = last;
    else joined.push([first, last]);
  }
  return joined;
}
