import { ConfigError } from "../../worker/contract/errors.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import { indexNamesOf, type IndexNaming } from "../../worker/contract/index-names.ts";
import { totalOf } from "../ledger.ts";
import { compareText, planId, type Plan, type PlannedFile, type PlannedUnpack } from "../plan.ts";
import { plannedFiles } from "../planned-files.ts";
import type { Again, AgainMode, AgainReason } from "./again.ts";
import type { EarlierLoad } from "./earlier.ts";

/**
 * Which files of a month are loaded again, and what is taken over from the earlier revision. Pure.
 *
 * A file is loaded again whole or not at all: a compressed one is unpacked whole anyway, and of one that has changed nobody knows which of its
 * bytes are the same. A day's index is no unit: a file of a month writes to all of them.
 */

const LOADED: Readonly<Record<AgainMode, readonly AgainReason[]>> = {
  failed: ["partial"],
  missing: ["partial", "new", "changed"],
  "changed-parser": ["partial", "new", "changed", "rules"],
  all: ["partial", "new", "changed", "rules"],
};

/**
 * @param plan of the whole month as the archive is now, in the new revision
 * @throws ConfigError `REVISION_DIFFERS` when documents of the two could not stand in one revision
 */
export function planRevision(plan: Plan, earlier: EarlierLoad, mode: AgainMode): Plan {
  const before = new Map(earlier.plan.files.map((file) => [file.origin.path, file]));
  const reasonOf = reasons(plan, earlier);
  const files: PlannedFile[] = [];
  const why = { new: 0, changed: 0, partial: 0, rules: 0 };
  let [loaded, leftOut] = [0, 0];
  const isWhole = wholeness(earlier);
  const fileOf = plannedFiles(plan.pinned);
  const carry = (old: PlannedFile): void => {
    const { origin, source, day } = old;
    const length = isWhole(origin.path) ? earlier.lengths.get(origin.path) : undefined;
    files.push(fileOf({ ...origin, day }, source, origin.fileId, length === undefined ? {} : { length }));
  };
  for (const file of plan.files) {
    const old = before.get(file.origin.path);
    before.delete(file.origin.path);
    const reason = reasonOf(file, old);
    if (reason) why[reason] += 1;
    if (mode === "all" || (reason && LOADED[mode].includes(reason))) {
      files.push(file);
      loaded += 1;
    } else if (old) carry(old);
    else leftOut += 1;
  }
  // What the archive has lost stays: nothing else has those lines.
  if (mode !== "all") for (const old of before.values()) carry(old);
  files.sort((a, b) => compareText(a.origin.path, b.origin.path));

  const rows = carriedRowsOf({ ...plan, files }, earlier);
  if (rows.length > 0) refuseMixture(plan, earlier.plan);
  const { chunks, counts } = totalOf(rows);
  const documents = counts.written + counts.duplicate;
  const { campaign, snapshot, repository } = earlier;
  const { revision, indexPattern } = earlier.plan.pinned;
  const again: Again = {
    ...{ mode, campaign, revision, indexPattern, snapshot, repository },
    files: { ...why, loaded, carried: files.length - loaded, gone: before.size, leftOut },
    ...{ documents, chunks, indexBytes: Math.round(documents * earlier.indexBytesPerDocument) },
  };
  const revised = { ...plan, files, unpacks: unpacksFor(files, plan, earlier.plan), again };
  return { ...revised, id: planId(revised) };
}

/** The earlier rows that a revision's plan takes over, as its ledger has them. */
export function carriedRowsOf(plan: Pick<Plan, "files" | "months" | "pinned">, earlier: EarlierLoad): LedgerRow[] {
  const carried = new Set(plan.files.flatMap((file) => (file.carried ? file.origin.fileId : [])));
  const pipelineOf = pipelinesOf(earlier);
  const names = renamedIndices(plan.months, namingOf(earlier.plan.pinned), namingOf(plan.pinned));
  return earlier.rows
    .filter(({ fileId }) => carried.has(fileId))
    .map((row) => ({
      ...row,
      perIndex: Object.fromEntries(Object.entries(row.perIndex).map(([index, n]) => [names.get(index) ?? index, n])),
      carried: row.carried ?? { campaign: earlier.campaign, pipeline: pipelineOf(row.fileId) },
    }));
}

/** The index of the new revision for each of the earlier one, of the same days. */
export function renamedIndices(
  months: Plan["months"],
  from: IndexNaming,
  to: IndexNaming,
): ReadonlyMap<string, string> {
  return new Map(
    months.flatMap((month) => {
      const names = indexNamesOf(to, month);
      return indexNamesOf(from, month).map((name, i) => [name, names[i] ?? ""] as const);
    }),
  );
}

/** Why a file is not as the earlier load left it. */
function reasons(plan: Plan, earlier: EarlierLoad) {
  const pipelineOf = pipelinesOf(earlier);
  const isWhole = wholeness(earlier);
  const [now, then] = [factsOnDisk(plan), factsOnDisk(earlier.plan)];
  return (file: PlannedFile, old: PlannedFile | undefined): AgainReason | undefined => {
    if (!old) return "new";
    // Before the next: what was mended has changed, too.
    if (!isWhole(old.origin.path)) return "partial";
    if (now(file) !== then(old)) return "changed";
    const sameRules = pipelineOf(old.origin.fileId) === plan.pinned.pipeline && meaning(file) === meaning(old);
    return sameRules ? undefined : "rules";
  };
}

function factsOnDisk(plan: Plan): (file: PlannedFile) => string {
  const unpacks = new Map(plan.unpacks.map((unpack) => [unpack.id, unpack]));
  return ({ source }) => {
    if (source.kind === "plain") return JSON.stringify([source.file, source.size, source.mtimeMs]);
    const { file, size, mtimeMs } = unpacks.get(source.unpackId) ?? {};
    return JSON.stringify([source.member, file, size, mtimeMs]);
  };
}

/** What decides, beside the pipeline, what becomes of a file's lines. */
function meaning({ origin: { index: _, ...facts }, day }: PlannedFile): string {
  return JSON.stringify([Object.entries(facts).sort(), day]);
}

function namingOf({ indexPattern: pattern, revision }: Plan["pinned"]): IndexNaming {
  return { pattern, revision };
}

function wholeness({ lengths, problems }: EarlierLoad): (path: string) => boolean {
  const broken = new Set(problems.map(({ path }) => path));
  return (path) => lengths.has(path) && !broken.has(path);
}

/** The pipeline that a file was loaded by, by file id: that one may have taken it over itself. */
function pipelinesOf({ rows, plan }: EarlierLoad): (fileId: string) => string {
  const others = new Map(rows.flatMap(({ fileId, carried }) => (carried ? [[fileId, carried.pipeline]] : [])));
  return (fileId) => others.get(fileId) ?? plan.pinned.pipeline;
}

function unpacksFor(files: readonly PlannedFile[], plan: Plan, before: Plan): PlannedUnpack[] {
  const [now, then] = [plan, before].map(({ unpacks }) => new Map(unpacks.map((unpack) => [unpack.id, unpack])));
  const needed = new Map<string, PlannedUnpack>();
  for (const { source, carried } of files) {
    if (source.kind !== "packed") continue;
    const unpack = (carried ? then : now)?.get(source.unpackId);
    if (unpack && !(carried && needed.has(unpack.id))) needed.set(unpack.id, unpack);
  }
  return [...needed.values()].sort((a, b) => compareText(a.file, b.file));
}

/** Documents of both are found by one mapping, checked by one set of pinned facts and told by the offsets of one chunk size. */
function refuseMixture(plan: Plan, before: Plan): void {
  const of = ({ pinned }: Plan) => ({
    "archive.timeZone": pinned.timeZone,
    "archive.hostZones": JSON.stringify(pinned.hostZones),
    "plan.chunkBytes": pinned.chunkBytes,
    "plan.repeated": pinned.repeated,
    "plan.ids": pinned.ids,
  });
  const now = Object.entries(of(plan));
  const then = Object.values(of(before));
  const differences = now.flatMap(([key, value], i) =>
    value === then[i] ? [] : `${key} was ${String(then[i])} and is ${String(value)}`,
  );
  const types = new Map(before.fields.map(({ path, type }) => [JSON.stringify(path), type]));
  for (const { path, type } of plan.fields) {
    const was = types.get(JSON.stringify(path));
    if (was !== undefined && was !== type)
      differences.push(`the field ${path.join(".")} was mapped as ${was} and would be as ${type}`);
  }
  if (differences.length === 0) return;
  throw new ConfigError(
    "REVISION_DIFFERS",
    `what revision ${String(before.pinned.revision)} holds cannot be taken over: ${differences.join("; ")}. Load the whole month with --again all, or set it back`,
  );
}
