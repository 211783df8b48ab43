import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Origin } from "./contract/chunk.ts";
import { StoreError } from "./contract/errors.ts";
import { NO_HEADER, NO_PROGRAM, NO_WORD, printable, type LineGroup } from "./contract/parse-counts.ts";
import type { EncodedBatch, Outcome, WriteResult } from "./contract/pipeline.ts";
import { rejectsFileName, type RejectedDocument } from "./contract/rejected-document.ts";
import { HELD_LINE_BYTES, type RangeReader } from "./framing/lines.ts";
import { FirstWord } from "./parsers/first-word.ts";
import { isHeaderRead } from "./parsers/unparsed.ts";

const LF = 10;
const FIRST_STEP = 4096;

/** What is counted of a rejected document. */
export interface RejectedCount {
  readonly index: string;
  readonly type: string;
  readonly group: LineGroup;
}

/** Whose rejects they are. */
export interface RejectsOwner {
  /** Of the spool job. */
  readonly id: string;
  /** The chunk that read the lines. */
  readonly chunk: string;
  /** With what the file's lines say of it. */
  readonly origin: Origin;
}

/** The rejects of one attempt at one spool job. */
export interface Rejects {
  /** Writes what a bulk rejected; returns what is counted of each document. */
  add(
    batch: EncodedBatch,
    result: WriteResult,
    line: (offset: number) => Promise<Uint8Array>,
  ): Promise<readonly RejectedCount[]>;
  /** Writes documents that were rejected before and stay so, with the reason that now holds. */
  keep(documents: readonly RejectedDocument[], why: { readonly type: string; readonly reason: string }): Promise<void>;
  /** Gives the file its name, if there is one. To be called just before the chunk is committed. */
  commit(): Promise<void>;
  /** Removes what was not committed. */
  discard(): Promise<void>;
}

/** Writes nothing until there is something to write. */
export function createRejects(rejectsDir: string, owner: RejectsOwner, attempt: number): Rejects {
  const { chunk, origin } = owner;
  const file = join(rejectsDir, rejectsFileName(owner.id, attempt));
  const unfinished = `${file}.tmp`;
  let handle: Promise<FileHandle> | undefined;
  let committed = false;

  const failed = (cause: unknown): StoreError =>
    new StoreError(
      "REJECTS_WRITE_FAILED",
      `writing the rejects ${file} failed; look at the disk of the campaign directory`,
      {
        retryable: true,
        cause,
        context: { file },
      },
    );
  const openOnce = (): Promise<FileHandle> =>
    (handle ??= mkdir(rejectsDir, { recursive: true }).then(() => open(unfinished, "w", 0o600)));
  const append = async (document: RejectedDocument): Promise<void> => {
    try {
      await (await openOnce()).appendFile(`${JSON.stringify(document)}\n`);
    } catch (error) {
      throw failed(error);
    }
  };

  return {
    async add(batch, result, line) {
      const counted: RejectedCount[] = [];
      const starts = result.exceptions.length === 0 ? undefined : bodyStarts(batch);
      for (const [at, outcome] of result.exceptions) {
        const { status, type, reason } = rejection(outcome);
        const { index, id } = actionOf(batch.body, starts?.[at] ?? 0);
        const offset = batch.offsets[at] ?? 0;
        const group = groupOf(batch, starts?.[at] ?? 0, at);
        const raw = await line(offset);
        await append({
          chunk,
          file: origin.path,
          offset,
          status,
          type,
          reason,
          index,
          id,
          program: group.program,
          word: group.word,
          raw: Buffer.from(raw).toString("base64"),
          // Such a line is a block of its own.
          ...(raw.length === HELD_LINE_BYTES ? { bytes: batch.tallies.bytes } : {}),
          ...(origin.secondFolds === undefined ? {} : { secondFolds: origin.secondFolds }),
        });
        counted.push({ index, type, group: { ...group, cause: printable(type), fileId: origin.fileId, offset } });
      }
      return counted;
    },
    async keep(documents, why) {
      for (const document of documents) await append({ ...document, ...why, status: 0 });
    },
    async commit() {
      if (!handle) return;
      try {
        const written = await handle;
        // It is the only copy of these lines outside the archive.
        await written.sync();
        await written.close();
        await rename(unfinished, file);
        committed = true;
      } catch (error) {
        throw failed(error);
      }
    },
    async discard() {
      if (!handle || committed) return;
      await handle.then((written) => written.close()).catch(() => undefined);
      await rm(unfinished, { force: true });
    },
  };
}

/** The bytes of the line that begins at `position`, with its line end; of a giant line its beginning. */
export async function readLine(reader: RangeReader, position: number, length: number): Promise<Uint8Array> {
  for (let step = FIRST_STEP; ; step *= 4) {
    const wanted = Math.min(step, length - position, HELD_LINE_BYTES);
    const held = Buffer.alloc(wanted);
    let filled = 0;
    while (filled < wanted) {
      const read = await reader.read(position + filled, held.subarray(filled));
      if (read === 0) break;
      filled += read;
    }
    const line = held.subarray(0, filled);
    const lf = line.indexOf(LF);
    if (lf >= 0) return line.subarray(0, lf + 1);
    if (wanted < step) return line;
  }
}

function rejection(outcome: Outcome): { status: number; type: string; reason: string } {
  return outcome.kind === "rejected" ? outcome : { status: 0, type: "unsettled", reason: outcome.reason };
}

function bodyStarts(batch: EncodedBatch): Float64Array {
  const starts = new Float64Array(batch.count);
  for (let i = 1; i < batch.count; i++) starts[i] = (starts[i - 1] ?? 0) + (batch.lengths[i - 1] ?? 0);
  return starts;
}

/** Index and id from a document's action line. */
function actionOf(body: Uint8Array, start: number): { index: string; id: string } {
  const line = Buffer.from(body.subarray(start, body.indexOf(LF, start))).toString("utf8");
  const action = JSON.parse(line) as { create?: { _index?: string; _id?: string } };
  return { index: action.create?._index ?? "", id: action.create?._id ?? "" };
}

/** Program and first word of a rejected document, as they stand in it. */
function groupOf(batch: EncodedBatch, start: number, at: number): Pick<LineGroup, "program" | "word" | "lines"> {
  const source = batch.body.indexOf(LF, start) + 1;
  const text = Buffer.from(batch.body.subarray(source, start + (batch.lengths[at] ?? 0))).toString("utf8");
  const { program, message, tags } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const bytes = Buffer.from(shown(message ?? ""));
  const word = new FirstWord();
  word.find(bytes, 0, bytes.length);
  return {
    program: isHeaderRead(tags) ? printable(shown(program ?? NO_PROGRAM)) : NO_HEADER,
    word: word.length === 0 ? NO_WORD : printable(word.text),
    lines: 1,
  };
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
