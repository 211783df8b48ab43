import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Chunk, Origin, Unpack } from "../worker/contract/chunk.ts";
import { BackfillError } from "../worker/contract/errors.ts";
import type { HostZone } from "../worker/contract/host-zones.ts";
import type { Ids } from "../worker/contract/ids.ts";
import { NO_RULES, type RuleField, type Rules } from "../worker/contract/rules.ts";
import { daysInMonth, type YearMonth } from "../worker/contract/months.ts";
import type { CampaignRecord } from "./campaign-store.ts";
import type { Again } from "./revisions/again.ts";
import type { Estimate } from "./estimate.ts";
import type { Inventory, InventoryGroup, InventoryProblem, Overlap } from "./inventory.ts";
import { plannedFiles, shortId } from "./planned-files.ts";

/** Listing → plan → chunks. Pure: no I/O, no clock. The same listing gives the same plan and the same chunk ids. */

/** What decides, beside the files, which documents come out. Equal on every attempt of every chunk. */
export interface Pinned {
  /** Hash of the pipeline. */
  readonly pipeline: string;
  /** IANA zone of local times in the logs. */
  readonly timeZone: string;
  /** Hosts with another one. */
  readonly hostZones: readonly HostZone[];
  readonly indexPattern: string;
  readonly revision: number;
  /** Decompressed bytes of one chunk. */
  readonly chunkBytes: number;
  /** Whether lines that speak of repetitions are kept or written out. */
  readonly repeated: "count" | "expand";
  /** Who makes the ids of documents. */
  readonly ids: Ids;
}

/** Where a planned file's bytes are. Paths are relative to the plan's root. */
export type PlannedSource =
  | { readonly kind: "plain"; readonly file: string; readonly size: number; readonly mtimeMs: number }
  /** Comes out of the unpack of this id; `size` is its decompressed length when the archive states it. */
  | { readonly kind: "packed"; readonly unpackId: string; readonly member: string; readonly size?: number };

/** One file to load. `origin.path` is its identity. */
export interface PlannedFile {
  readonly origin: Origin;
  readonly source: PlannedSource;
  /** `YYYY-MM-DD` when the path names a day; a file without one holds a whole month. */
  readonly day?: string | undefined;
  /** Not loaded: its documents are those of an earlier revision. `length` after decompression; absent when that one had not loaded it whole. */
  readonly carried?: { readonly length?: number | undefined } | undefined;
}

/** One compressed file: everything of its `Unpack` message that planning knows. */
export interface PlannedUnpack {
  readonly id: string;
  readonly format: "gzip" | "7z";
  /** Relative to the plan's root. */
  readonly file: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** All members in stream order; empty for gzip. */
  readonly stream: readonly { readonly member: string; readonly size: number }[];
}

/** What a campaign will load. Files are sorted by identity, unpacks by path. */
export interface Plan {
  /** 12 hex digits, made from what decides the result: neither nodes nor estimates. */
  readonly id: string;
  readonly months: readonly YearMonth[];
  /** Absolute path of the archive. */
  readonly root: string;
  readonly pinned: Pinned;
  /** What is done with the lines; `pinned.pipeline` is the hash of it. */
  readonly rules: Rules;
  /** The fields that they write, which searches can ask for. */
  readonly fields: readonly RuleField[];
  readonly files: readonly PlannedFile[];
  readonly unpacks: readonly PlannedUnpack[];
  /** Files by month, kind and service: how many, how large, loaded or not and why. */
  readonly groups: readonly InventoryGroup[];
  /** Lines that stand both per host and per service, and what is done about them. */
  readonly overlaps: readonly Overlap[];
  /** Plain files of no bytes: counted, they have no chunk. */
  readonly empty: number;
  /** Files of these months that cannot be loaded; each costs itself. */
  readonly problems: readonly InventoryProblem[];
  /** Files of which something is to be known, and that cost nothing. */
  readonly notes: readonly InventoryProblem[];
  /** Paths in the directories of these months that no pattern matches: told, not loaded. */
  readonly unmatched: readonly string[];
  /** Of a month that is loaded again. */
  readonly again?: Again;
  /** Set by whoever measured; `makePlan` knows nothing of it. */
  readonly estimate?: Estimate;
}

/** Stands in for a campaign's plan that cannot be read, where nothing of it will be loaded any more. */
export function emptyPlan({
  planId: id,
  months,
  config: { archive, plan },
}: Pick<CampaignRecord, "planId" | "months" | "config">): Plan {
  const { timeZone, hostZones, root } = archive;
  const { indexPattern, revision, chunkBytes, repeated, ids } = plan;
  return {
    id,
    months,
    root,
    pinned: { pipeline: "", timeZone, hostZones, indexPattern, revision, chunkBytes, repeated, ids },
    rules: NO_RULES,
    fields: [],
    files: [],
    unpacks: [],
    groups: [],
    overlaps: [],
    empty: 0,
    problems: [],
    notes: [],
    unmatched: [],
  };
}

/**
 * @throws BackfillError `PLAN_ID_COLLISION` when two files have one short id (about one archive in a hundred million
 *   of 100,000 files each): documents of both would share ids.
 */
export function makePlan(inventory: Inventory, pinned: Pinned, pipeline: Pick<Plan, "rules" | "fields">): Plan {
  const fileOf = plannedFiles(pinned);
  const files: PlannedFile[] = [];
  const needed = new Map<string, PlannedUnpack>();
  const archives = new Map(inventory.archives.map((archive) => [archive.path, archive]));

  const loaded = inventory.files.filter(({ skipped }) => skipped === undefined);
  for (const file of loaded.sort((a, b) => compareText(a.identity, b.identity))) {
    const { identity: path, month, day, lastDay, service, collector, encoding, dropPrograms } = file;
    const facts = { path, month, day, lastDay, service, collector, encoding, dropPrograms };
    if (file.format === "plain") {
      files.push(fileOf(facts, { kind: "plain", file: file.path, size: file.size, mtimeMs: file.mtimeMs }));
      continue;
    }
    const unpackId = shortId(file.path);
    const size = file.format === "7z" ? { size: file.size } : {};
    files.push(fileOf(facts, { kind: "packed", unpackId, member: file.member ?? "", ...size }));
    if (needed.has(unpackId)) continue;
    const disk = file.format === "7z" ? archives.get(file.path) : file;
    if (!disk) throw new Error(`the listing names no archive ${file.path}`);
    needed.set(unpackId, {
      id: unpackId,
      format: file.format,
      file: file.path,
      size: disk.size,
      mtimeMs: disk.mtimeMs,
      stream: archives.get(file.path)?.stream ?? [],
    });
  }

  const unpacks = [...needed.values()].sort((a, b) => compareText(a.file, b.file));
  checkUnique(files, ({ origin }) => [origin.fileId, origin.path]);
  checkUnique(unpacks, ({ id, file }) => [id, file]);
  const months = inventory.months;
  return {
    id: planId({ months, pinned, files, unpacks }),
    months,
    root: inventory.root,
    pinned,
    rules: pipeline.rules,
    fields: pipeline.fields,
    files,
    unpacks,
    groups: inventory.groups,
    overlaps: inventory.overlaps,
    empty: inventory.empty,
    problems: inventory.problems,
    notes: inventory.notes,
    unmatched: inventory.unmatched,
  };
}

/** By code unit: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function checkUnique<T>(all: readonly T[], of: (one: T) => readonly [id: string, path: string]): void {
  const seen = new Set<string>();
  for (const one of all) {
    const [id, path] = of(one);
    // Only then is it worth while to look which one it was: a million paths would have to be kept for it.
    if (seen.has(id)) {
      const [, other = ""] = all.map(of).find(([otherId]) => otherId === id) ?? [];
      throw new BackfillError(
        "PLAN_ID_COLLISION",
        `${other} and ${path} have the same short id ${id}; rename one of them in the archive`,
        { context: { id, first: other, second: path } },
      );
    }
    seen.add(id);
  }
}

/** The id that a plan of this content has. */
export function planId({
  months,
  pinned,
  files,
  unpacks,
  again,
}: Pick<Plan, "months" | "pinned" | "files" | "unpacks" | "again">): string {
  const hash = createHash("sha256");
  // Arrays, not objects: their order is the canonical form.
  const line = (...values: readonly unknown[]): void => void hash.update(`${JSON.stringify(values)}\n`);
  line("gridharvest plan 1", months);
  line(pinned.pipeline, pinned.timeZone, pinned.indexPattern, pinned.revision, pinned.chunkBytes, pinned.repeated);
  if (pinned.ids !== "derived") line("ids", pinned.ids);
  for (const { host, timeZone } of pinned.hostZones) line(host, timeZone);
  if (again) line("again", again.campaign, again.snapshot);
  for (const { origin, source, carried } of files) {
    if (carried) line("carried", carried.length ?? null);
    const from =
      source.kind === "plain"
        ? [source.file, source.size, source.mtimeMs]
        : [source.unpackId, source.member, source.size ?? null];
    line(
      origin.path,
      origin.month,
      origin.firstDay,
      origin.lastDay ?? null,
      origin.encoding ?? null,
      origin.service,
      origin.collector ?? null,
      origin.dropPrograms,
      from,
    );
  }
  for (const { file, format, size, mtimeMs } of unpacks) line(file, format, size, mtimeMs);
  return hash.digest("hex").slice(0, 12);
}

/** The part of a plan that is loaded: all of it, unless it is a month's that is loaded again. */
export function toLoad(plan: Plan): Plan {
  if (!plan.again) return plan;
  const files = plan.files.filter(({ carried }) => !carried);
  const needed = new Set(files.flatMap(({ source }) => (source.kind === "packed" ? source.unpackId : [])));
  return { ...plan, files, unpacks: plan.unpacks.filter(({ id }) => needed.has(id)) };
}

/**
 * The length of a file after decompression, of which its chunks must tile every byte; undefined where nobody knows it.
 * @param unpacked lengths that unpacking has told, by file id
 */
export function lengthOf(
  { origin, source, carried }: PlannedFile,
  unpacked: ReadonlyMap<string, { readonly length: number }>,
): number | undefined {
  if (carried) return carried.length;
  return source.kind === "plain" ? source.size : unpacked.get(origin.fileId)?.length;
}

/** Chunks of a plain file: its length in ranges of `chunkBytes`. 0 for a packed one, whose chunks come with unpacking. */
export function chunkCount(file: PlannedFile, plan: Pick<Plan, "pinned">): number {
  return file.source.kind === "plain" ? Math.ceil(file.source.size / plan.pinned.chunkBytes) : 0;
}

/** The n-th chunk of a plain file. */
function chunkOf(file: PlannedFile, n: number, plan: Pick<Plan, "pinned" | "root">): Chunk {
  if (file.source.kind !== "plain") throw new Error(`${file.origin.path} is packed: unpacking makes its chunks`);
  const { chunkBytes, pipeline } = plan.pinned;
  return {
    id: `${file.origin.fileId}-${n}`,
    origin: file.origin,
    range: { start: n * chunkBytes, end: Math.min((n + 1) * chunkBytes, file.source.size) },
    format: "syslog",
    source: { ...file.source, file: join(plan.root, file.source.file) },
    pipeline,
  };
}

/** The chunks of a plain file in order. They tile it; none for an empty file. */
export function* chunksOf(file: PlannedFile, plan: Pick<Plan, "pinned" | "root">): Generator<Chunk> {
  const count = chunkCount(file, plan);
  for (let n = 0; n < count; n++) yield chunkOf(file, n, plan);
}

/**
 * Every chunk of the plain files, days interleaved: one chunk for each day in turn, so that all daily indices, and with
 * them all data nodes, work at once.
 *
 * A file that names a day belongs to it. A file of a month is taken to be spread evenly over the month's days; a chunk
 * that spans several of them goes to one that the file's id picks, so that small files do not all wait for the same day.
 * Costs one number in memory for each chunk.
 */
export function* orderedChunks(plan: Pick<Plan, "pinned" | "root" | "files">): Generator<Chunk> {
  const turns = new Map<string, number[]>();
  plan.files.forEach((file, fileIndex) => {
    const count = chunkCount(file, plan);
    const days = daysInMonth(file.origin.month);
    const shift = parseInt(file.origin.fileId.slice(-4), 32) / 32 ** 4;
    for (let n = 0; n < count; n++) {
      const day = file.day ?? `${file.origin.month}-${1 + Math.floor(((n + shift) / count) * days)}`;
      const turn = turns.get(day);
      const packed = fileIndex * MAX_CHUNKS + n;
      if (turn) turn.push(packed);
      else turns.set(day, [packed]);
    }
  });
  let open = [...turns.values()];
  for (let round = 0; open.length > 0; round++) {
    for (const turn of open) {
      const packed = turn[round];
      const file = plan.files[Math.floor((packed ?? 0) / MAX_CHUNKS)];
      if (packed !== undefined && file) yield chunkOf(file, packed % MAX_CHUNKS, plan);
    }
    open = open.filter((turn) => turn.length > round + 1);
  }
}

/** More chunks than one file can have: 2^27 chunks of 64 KiB are 8 TiB; 2^26 files fit beside them in a double. */
const MAX_CHUNKS = 2 ** 27;

/** The spool messages of the compressed files, in an order that mixes days as far as their number allows. */
export function unpacksOf(
  plan: Plan,
  staging: { readonly dir: string; readonly limitBytes: number },
): readonly Unpack[] {
  const members = new Map<string, { member: string; size?: number; origin: Origin }[]>();
  for (const { origin, source } of plan.files) {
    if (source.kind !== "packed") continue;
    const list = members.get(source.unpackId) ?? [];
    list.push({ member: source.member, ...(source.size === undefined ? {} : { size: source.size }), origin });
    members.set(source.unpackId, list);
  }
  const unpacks = plan.unpacks.map((unpack): Unpack => {
    const order = new Map(unpack.stream.map(({ member }, i) => [member, i]));
    const wanted = members.get(unpack.id) ?? [];
    return {
      ...unpack,
      file: join(plan.root, unpack.file),
      stream: [...unpack.stream],
      members: wanted.sort((a, b) => (order.get(a.member) ?? 0) - (order.get(b.member) ?? 0)),
      chunkBytes: plan.pinned.chunkBytes,
      stagingDir: staging.dir,
      stagingLimitBytes: staging.limitBytes,
      pipeline: plan.pinned.pipeline,
    };
  });
  // Neighbours in the alphabet are neighbours in time; the id is a fair shuffle and the same every time.
  return unpacks.sort((a, b) => compareText(a.id, b.id));
}
