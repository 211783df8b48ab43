import type { Meter } from "../monitoring/index.ts";
import type { Chunk, Origin, Unpack, UnpackedFile, UnpackMember, UnpackResult } from "./contract/chunk.ts";
import { DataError } from "./contract/errors.ts";
import { CHUNK_JOB, SPOOL_JOB_OPTIONS } from "./contract/spool.ts";
import type { ParserLoad } from "./parser-load.ts";
import { LOOK_BACK_BYTES } from "./parsers/repeat-expander.ts";
import { FoldScan } from "./parsers/fold-scan.ts";
import { checkUnchanged, openFile } from "./sources/file-access.ts";
import { SOURCES } from "./sources/index.ts";
import type { ListedMember } from "./sources/source.ts";
import { BlockCutter, type BlockEnd } from "./staging-blocks.ts";
import { foldsOf } from "./time/folds.ts";
import { blockFile, hasBlock, isStaged, openBlock, type BlockWriter, type Staging } from "./staging.ts";

/** What unpacking wants of the parse queue. */
export interface ChunkQueue {
  getJobState(chunkId: string): Promise<string>;
  add(
    name: typeof CHUNK_JOB,
    chunk: Chunk,
    options: typeof SPOOL_JOB_OPTIONS & { readonly jobId: string },
  ): Promise<unknown>;
}

/** What unpacking needs; one for the process. */
export interface UnpackContext {
  readonly parse: ChunkQueue;
  readonly staging: Staging;
  readonly meter: Pick<Meter<"parser">, "count">;
  /** Absent where nobody asks what limits the load. */
  readonly load?: Pick<ParserLoad, "unpacking" | "unpackReading">;
}

/** A line longer than this much more than a chunk goes to the disk before its end is known. */
const HELD_BEYOND_CHUNK = 8 * 1024 * 1024;
const PROGRESS_MS = 2000;

/**
 * Does one job of the unpack queue: reads the compressed file once, cuts each wanted member into staged blocks, and
 * adds every block's chunk to the parse queue as soon as the block is there.
 *
 * Doing it again changes nothing: the same bytes give the same chunks, a block that is there is kept, one whose chunk
 * is committed is not written again. Waits while the staging space is full. A damaged file is no failure:
 * what came before the damage is loaded, and the result says where it broke off.
 *
 * @param owner names this attempt, for unfinished blocks
 * @param progress is called now and then with the bytes so far
 * @throws DataError `FILE_CHANGED`, `FILE_MISSING`, `ARCHIVE_…`; StoreError `STAGING_WRITE_FAILED` (retryable)
 */
export async function processUnpack(
  unpack: Unpack,
  owner: string,
  context: UnpackContext,
  progress: (bytes: number) => Promise<void>,
  signal: AbortSignal,
): Promise<UnpackResult> {
  const isDone = context.load?.unpacking.begin();
  return await unpackOnce(unpack, owner, context, progress, signal).finally(isDone);
}

async function unpackOnce(
  unpack: Unpack,
  owner: string,
  context: UnpackContext,
  progress: (bytes: number) => Promise<void>,
  signal: AbortSignal,
): Promise<UnpackResult> {
  await using handle = await openFile(unpack.file);
  await checkUnchanged(handle, unpack);
  const source = SOURCES[unpack.format];
  const listed: readonly ListedMember[] = (await source.list?.(unpack.file, signal)) ?? [{ member: "" }];
  if (source.list) checkListing(unpack, listed);
  const wanted = membersByIndex(unpack, listed);

  const files: UnpackedFile[] = [];
  let current: MemberUnpacking | undefined;
  let bytes = 0;
  let toldAt = performance.now();
  const finish = async (problem?: string): Promise<void> => {
    if (current) files.push(await current.finish(problem));
    current = undefined;
  };
  try {
    for await (const piece of source.open(unpack.file, signal, context.load?.unpackReading)) {
      signal.throwIfAborted();
      if (piece.kind === "member") {
        await finish();
        const member = wanted.get(piece.index);
        current = member && new MemberUnpacking(unpack, member, owner, context, signal);
      } else if (piece.kind === "broken") {
        await finish(piece.problem);
      } else {
        bytes += piece.bytes.length;
        context.meter.count("unpack.bytes", piece.bytes.length);
        await current?.push(piece.bytes);
        if (performance.now() - toldAt >= PROGRESS_MS) {
          toldAt = performance.now();
          await progress(bytes);
        }
      }
    }
    await checkUnchanged(handle, unpack);
    // A source opens the file by its name, which may have come to mean another one.
    await using again = await openFile(unpack.file);
    await checkUnchanged(again, unpack);
    await finish();
  } finally {
    await current?.discard();
  }
  return { unpackId: unpack.id, files };
}

/** @throws DataError `FILE_CHANGED` when the archive does not list what the plan saw in it */
function checkListing(unpack: Unpack, listed: readonly ListedMember[]): void {
  const same =
    listed.length === unpack.stream.length &&
    unpack.stream.every(({ member, size }, i) => listed[i]?.member === member && listed[i].size === size);
  if (same) return;
  throw new DataError(
    "FILE_CHANGED",
    `${unpack.file} lists other members than when it was planned; plan the month again`,
    {
      context: { file: unpack.file, planned: unpack.stream.length, listed: listed.length },
    },
  );
}

/** Which members of the stream to load. An archive may hold a name twice; each entry takes the next one. */
function membersByIndex(unpack: Unpack, listed: readonly ListedMember[]): ReadonlyMap<number, UnpackMember> {
  const byName = new Map<string, UnpackMember[]>();
  for (const member of unpack.members) byName.set(member.member, [...(byName.get(member.member) ?? []), member]);
  const wanted = new Map<number, UnpackMember>();
  for (const [index, { member }] of listed.entries()) {
    const entry = byName.get(member)?.shift();
    if (entry) wanted.set(index, entry);
  }
  return wanted;
}

/** One file on its way into blocks. */
class MemberUnpacking {
  readonly #unpack: Unpack;
  readonly #member: UnpackMember;
  readonly #owner: string;
  readonly #context: UnpackContext;
  readonly #signal: AbortSignal;
  readonly #cutter: BlockCutter;
  /** Absent where no clock is set back in the file's time. */
  readonly #folds: FoldScan | undefined;
  /** The last bytes of the file so far, which the next block begins with; absent where nothing looks back. */
  #tail: Buffer | undefined;
  /** The open block; undefined between blocks. */
  #block: OpenBlock | undefined;
  #n = 0;

  constructor(unpack: Unpack, member: UnpackMember, owner: string, context: UnpackContext, signal: AbortSignal) {
    this.#unpack = unpack;
    this.#member = member;
    this.#owner = owner;
    this.#context = context;
    this.#signal = signal;
    this.#cutter = new BlockCutter(unpack.chunkBytes);
    this.#folds = foldsOf(member.origin).length > 0 ? new FoldScan(member.origin) : undefined;
    if (member.origin.repeated === "expand") this.#tail = Buffer.alloc(0);
  }

  async push(bytes: Uint8Array): Promise<void> {
    for (const event of this.#cutter.push(bytes)) {
      if (event.kind === "end") await this.#end(event);
      else {
        this.#folds?.push(event.bytes);
        this.#block ??= await this.#open();
        await this.#block.push(event.bytes);
        this.#remember(event.bytes);
      }
    }
  }

  #remember(bytes: Uint8Array): void {
    if (!this.#tail) return;
    const last = bytes.subarray(Math.max(0, bytes.length - LOOK_BACK_BYTES));
    const before = this.#tail.subarray(Math.max(0, this.#tail.length + last.length - LOOK_BACK_BYTES));
    this.#tail = Buffer.concat([before, last]);
  }

  async finish(problem: string | undefined): Promise<UnpackedFile> {
    this.#folds?.finish();
    for (const event of this.#cutter.finish()) await this.#end(event);
    const { fileId, path } = this.#member.origin;
    const { length, chunks } = this.#cutter;
    const whole = { fileId, path, length, chunks };
    return problem === undefined ? whole : { ...whole, truncatedAt: length, problem };
  }

  async discard(): Promise<void> {
    await this.#block?.discard();
  }

  #chunkId(n: number): string {
    return `${this.#member.origin.fileId}-${n}`;
  }

  /** The file's, with what its lines up to here say of it: the same whoever unpacks it. */
  #origin(): Origin {
    const { origin } = this.#member;
    const found = this.#folds?.found ?? [];
    return found.length === 0 ? origin : { ...origin, secondFolds: [...found] };
  }

  async #open(): Promise<OpenBlock> {
    const chunkId = this.#chunkId(this.#n);
    const state = await this.#context.parse.getJobState(chunkId);
    return new OpenBlock(this.#unpack, this.#member, this.#n, this.#tail ?? new Uint8Array(0), {
      owner: this.#owner,
      staging: this.#context.staging,
      // A committed chunk needs its block no more; a failed one asks for it when somebody tries it again.
      needed: state !== "completed" && state !== "failed",
      dispensable: async (id) => ["completed", "failed"].includes(await this.#context.parse.getJobState(id)),
      staged: (bytes) => this.#context.meter.count("unpack.staged", bytes),
      signal: this.#signal,
    });
  }

  async #end(end: BlockEnd): Promise<void> {
    const origin = this.#origin();
    const lead = this.#block?.lead.length ?? 0;
    await this.#block?.finish(end.bytes);
    this.#block = undefined;
    this.#n = end.n + 1;
    const chunk: Chunk = {
      id: this.#chunkId(end.n),
      origin,
      range: end.range,
      format: "syslog",
      source: {
        kind: "staged",
        file: blockFile(this.#unpack.stagingDir, origin.fileId, end.n),
        offset: end.offset,
        bytes: end.bytes,
        ...(lead === 0 ? {} : { lead }),
        unpackId: this.#unpack.id,
      },
      pipeline: this.#unpack.pipeline,
    };
    this.#signal.throwIfAborted();
    // An id that is there already, in whatever state, is not added again.
    await this.#context.parse.add(CHUNK_JOB, chunk, { ...SPOOL_JOB_OPTIONS, jobId: chunk.id });
  }
}

interface BlockSurroundings {
  readonly owner: string;
  readonly staging: Staging;
  readonly needed: boolean;
  readonly dispensable: (chunkId: string) => Promise<boolean>;
  readonly staged: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** A block whose end is not known yet: held in memory, unless one giant line makes it too long for that. */
class OpenBlock {
  /** What stands before the block in the file and goes before it into the block's file. */
  readonly lead: Uint8Array;
  readonly #unpack: Unpack;
  readonly #around: BlockSurroundings;
  readonly #chunkId: string;
  readonly #file: string;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #writtenBytes = 0;
  #writer: BlockWriter | undefined;
  #reserved = false;

  constructor(unpack: Unpack, member: UnpackMember, n: number, lead: Uint8Array, around: BlockSurroundings) {
    this.#unpack = unpack;
    this.#around = around;
    this.lead = lead;
    this.#held = lead.length > 0 ? [lead] : [];
    this.#heldBytes = lead.length;
    this.#chunkId = `${member.origin.fileId}-${n}`;
    this.#file = blockFile(unpack.stagingDir, member.origin.fileId, n);
  }

  async push(bytes: Uint8Array): Promise<void> {
    if (!this.#around.needed) return;
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > this.#unpack.chunkBytes + HELD_BEYOND_CHUNK) await this.#spill();
  }

  /** @param lineBytes of its lines, without the lead */
  async finish(lineBytes: number): Promise<void> {
    if (!this.#around.needed) return;
    const bytes = this.lead.length + lineBytes;
    const { staging, dispensable, signal } = this.#around;
    try {
      if (!this.#writer) {
        await staging.reserve(
          { chunkId: this.#chunkId, bytes, dir: this.#unpack.stagingDir, limitBytes: this.#unpack.stagingLimitBytes },
          dispensable,
          signal,
        );
        this.#reserved = true;
        if (await hasBlock(this.#file, bytes)) return;
      }
      await this.#spill();
      await this.#writer?.commit();
    } finally {
      await this.discard();
    }
  }

  /** Removes what is unfinished, with its reservation: otherwise a full disk would also count as full of blocks. */
  async discard(): Promise<void> {
    const { staging } = this.#around;
    await this.#writer?.discard();
    this.#writer = undefined;
    this.#held = [];
    // The block may be there: of this attempt, or of another one that has taken the job over.
    if (this.#reserved && !(await isStaged(this.#file))) await staging.release(this.#chunkId, this.#file);
    this.#reserved = false;
  }

  async #spill(): Promise<void> {
    const { staging, owner, staged, signal } = this.#around;
    signal.throwIfAborted();
    const total = this.#writtenBytes + this.#heldBytes;
    this.#reserved = true;
    await staging.extend(this.#chunkId, total);
    this.#writer ??= await openBlock(this.#file, owner);
    await this.#writer.write(this.#held);
    staged(this.#heldBytes);
    this.#writtenBytes = total;
    this.#held = [];
    this.#heldBytes = 0;
  }
}
