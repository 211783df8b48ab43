import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Inventory, InventoryFile } from "../../../../orchestrator/inventory.ts";
import { readPlan, writePlan } from "../../../../orchestrator/plan-file.ts";
import {
  chunksOf,
  lengthOf,
  makePlan,
  orderedChunks,
  toLoad,
  unpacksOf,
  type Pinned,
  type Plan,
} from "../../../../orchestrator/plan.ts";
import { AGAIN_MODES, type AgainMode } from "../../../../orchestrator/revisions/again.ts";
import { carriedRowsOf, planRevision } from "../../../../orchestrator/revisions/choose.ts";
import type { EarlierLoad } from "../../../../orchestrator/revisions/earlier.ts";
import { DEFAULT_INDEX_PATTERN, indexName } from "../../../../worker/contract/index-names.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../../../worker/contract/ledger.ts";
import { NO_RULES } from "../../../../worker/contract/rules.ts";

const MiB = 2 ** 20;
const PINNED: Pinned = {
  pipeline: "p1",
  timeZone: "Europe/Prague",
  hostZones: [],
  indexPattern: DEFAULT_INDEX_PATTERN,
  revision: 1,
  chunkBytes: MiB,
  repeated: "count",
  ids: "derived",
};

function file(path: string, more: Partial<InventoryFile> = {}): InventoryFile {
  return {
    ...{ path, identity: path, place: path, format: "plain", size: 2 * MiB, mtimeMs: 1000, month: "2013-01" },
    ...{ service: "syslog", kind: "per-host", dropPrograms: [] },
    ...more,
  };
}

function plan(files: readonly InventoryFile[], pinned: Partial<Pinned> = {}, fields: Plan["fields"] = []): Plan {
  const none = { groups: [], overlaps: [], problems: [], notes: [], unmatched: [], empty: 0 };
  const archives = files.some(({ format }) => format === "7z")
    ? [
        {
          path: "z.7z",
          size: 99,
          mtimeMs: 5,
          stream: [
            { member: "one", size: 50 },
            { member: "two", size: 60 },
          ],
        },
      ]
    : [];
  const inventory: Inventory = { root: "/a", months: ["2013-01"], files, archives, ...none };
  return makePlan(inventory, { ...PINNED, ...pinned }, { rules: NO_RULES, fields });
}

const now = (files: readonly InventoryFile[], pinned: Partial<Pinned> = {}, fields: Plan["fields"] = []) =>
  plan(files, { revision: 2, ...pinned }, fields);

/** A load of all of the plan's files, each with a document in the index of its first chunk's day. */
function loadOf(of: Plan, more: Partial<EarlierLoad> = {}): EarlierLoad {
  const rows = of.files.flatMap(({ origin }): LedgerRow[] => {
    const index = indexName({ pattern: of.pinned.indexPattern, revision: of.pinned.revision }, "2013-01", "2013-01-05");
    const counts = { ...ZERO_COUNTS, read: 10, written: 10 };
    const none = { droppedBy: {}, rejectedBy: {}, unparsedBy: {}, millis: 1, parseCpuMicros: 1 };
    const { fileId } = origin;
    return [
      {
        chunk: `${fileId}-0`,
        fileId,
        attempt: 1,
        worker: "w",
        counts,
        perIndex: { [index]: 10 },
        covered: [0, 2 * MiB],
        ...none,
      },
    ];
  });
  const lengths = new Map(of.files.map(({ origin }) => [origin.path, 2 * MiB]));
  const place = { campaign: "first", snapshot: "first", repository: "/snapshots/first" };
  return {
    ...place,
    paths: {} as EarlierLoad["paths"],
    plan: of,
    rows,
    problems: [],
    lengths,
    indexBytesPerDocument: 50,
    ...more,
  };
}

const FILES = [file("same"), file("changed"), file("partial"), file("rules"), file("gone")];
const FIRST = plan(FILES);
/** What the archive holds now. */
const TODAY = [
  file("same"),
  file("changed", { mtimeMs: 2000 }),
  file("partial"),
  file("rules", { service: "other" }),
  file("new"),
];
const EARLIER = loadOf(FIRST, { problems: [{ path: "partial" }] });

const pathsOf = (files: Plan["files"]): string[] => files.map(({ origin }) => origin.path);

describe("which files are loaded again", () => {
  it.each<[AgainMode, string[], string[]]>([
    ["failed", ["partial"], ["changed", "gone", "rules", "same"]],
    ["missing", ["changed", "new", "partial"], ["gone", "rules", "same"]],
    ["changed-parser", ["changed", "new", "partial", "rules"], ["gone", "same"]],
    ["all", ["changed", "new", "partial", "rules", "same"], []],
  ])("%s", (mode, loaded, carried) => {
    const revised = planRevision(now(TODAY), EARLIER, mode);
    expect(pathsOf(toLoad(revised).files)).toEqual(loaded);
    expect(pathsOf(revised.files.filter((one) => one.carried))).toEqual(carried);
    expect(revised.again).toMatchObject({
      ...{ mode, campaign: "first", revision: 1, documents: carried.length * 10, chunks: carried.length },
      files: {
        ...{ new: 1, changed: 1, partial: 1, rules: 1, gone: 1 },
        ...{ loaded: loaded.length, carried: carried.length, leftOut: mode === "failed" ? 1 : 0 },
      },
    });
    expect(revised.pinned.revision).toBe(2);
    for (const { origin } of revised.files)
      expect(origin.index).toEqual({ pattern: DEFAULT_INDEX_PATTERN, revision: 2 });
  });

  it("all of another pipeline, and nothing that it has loaded itself", () => {
    const other = now([file("same")], { pipeline: "p2" });
    const first = loadOf(plan([file("same")]));
    expect(planRevision(other, first, "missing").again?.files).toMatchObject({ rules: 1, loaded: 0, carried: 1 });
    expect(planRevision(other, first, "changed-parser").again?.files).toMatchObject({ rules: 1, loaded: 1 });
    const carried = { campaign: "zeroth", pipeline: "p2" };
    const mixed = { ...first, rows: first.rows.map((row) => ({ ...row, carried })) };
    expect(planRevision(other, mixed, "changed-parser").again?.files).toMatchObject({
      rules: 0,
      loaded: 0,
      carried: 1,
    });
  });

  it("what had failed, also when it was mended meanwhile", () => {
    const mended = now([file("same"), file("partial", { mtimeMs: 9999, size: 7 })]);
    const { again, files } = planRevision(mended, EARLIER, "failed");
    expect(again?.files).toMatchObject({ partial: 1, changed: 0, loaded: 1 });
    expect(files.find(({ origin }) => origin.path === "partial")).toEqual(mended.files[0]);
  });

  it("none when nothing has changed", () => {
    for (const mode of AGAIN_MODES.filter((one) => one !== "all")) {
      const { again } = planRevision(now(FILES), loadOf(FIRST), mode);
      expect(again?.files, mode).toMatchObject({ loaded: 0, carried: FILES.length, gone: 0 });
    }
  });

  it("a member of an archive, and its archive is unpacked for it alone", () => {
    const [one, two] = ["one", "two"].map((member) =>
      file("z.7z", { identity: `z/${member}`, member, format: "7z", size: 60 }),
    );
    const first = plan([one!, two!]);
    const lengths = new Map([["z/one", 60]]);
    const revised = planRevision(now([one!, two!]), loadOf(first, { lengths }), "failed");
    expect(pathsOf(toLoad(revised).files)).toEqual(["z/two"]);
    const [unpack] = unpacksOf(toLoad(revised), { dir: "/s", limitBytes: 1 });
    expect(unpack?.members.map(({ member }) => member)).toEqual(["two"]);
    expect(revised.files.map((one) => lengthOf(one, new Map()))).toEqual([60, undefined]);
    const none = planRevision(now([one!, two!]), loadOf(first), "missing");
    expect(unpacksOf(toLoad(none), { dir: "/s", limitBytes: 1 })).toEqual([]);
    expect(none.unpacks).toEqual(first.unpacks);
  });

  it("whole, though only its end is missing, and no chunk of a file that is taken over", () => {
    const revised = planRevision(now(TODAY), EARLIER, "failed");
    const [partial] = toLoad(revised).files;
    expect([...orderedChunks(toLoad(revised))].map(({ id }) => id).sort()).toEqual(
      [...chunksOf(partial!, revised)].map(({ id }) => id),
    );
  });
});

describe("what is taken over", () => {
  it("has the names of the new revision, and says whose it is", () => {
    const revised = planRevision(now(TODAY), EARLIER, "missing");
    const rows = carriedRowsOf(revised, EARLIER);
    const ids = revised.files.filter((one) => one.carried).map(({ origin }) => origin.fileId);
    expect(rows.map(({ fileId }) => fileId).sort()).toEqual(ids.sort());
    for (const row of rows) {
      expect(row.carried).toEqual({ campaign: "first", pipeline: "p1" });
      expect(row.perIndex).toEqual({ "logs-2013.01.05-m2013.01-r2": 10 });
    }
  });

  it("of files that were not loaded whole, and are gone, has no length", () => {
    const revised = planRevision(now([file("same")]), loadOf(FIRST, { problems: [{ path: "gone" }] }), "missing");
    const carried = new Map(revised.files.map((one) => [one.origin.path, one.carried]));
    expect(carried.get("gone")).toEqual({});
    expect(carried.get("same")).toEqual({ length: 2 * MiB });
  });

  it("cannot be mixed with documents of other pinned settings, and the refusal names them and the remedy", () => {
    const mixed = () =>
      planRevision(now([file("same"), file("new")], { timeZone: "UTC", chunkBytes: 2 * MiB }), EARLIER, "missing");
    expect(mixed).toThrow(
      /archive\.timeZone was Europe\/Prague and is UTC; plan\.chunkBytes was 1048576 and is 2097152.*--again all/,
    );
    expect(() => planRevision(now([file("new")], { timeZone: "UTC" }), EARLIER, "all")).not.toThrow();
    const typed = (type: "text" | "whole"): Plan["fields"] => [{ path: ["pid2"], type }];
    const before = loadOf(plan(FILES, {}, typed("text")));
    expect(() => planRevision(now(TODAY, {}, typed("whole")), before, "missing")).toThrow(
      /the field pid2 was mapped as text/,
    );
    expect(() => planRevision(now(TODAY, {}, typed("text")), before, "missing")).not.toThrow();
  });
});

describe("a revision's plan", () => {
  const dir = mkdtempSync(join(tmpdir(), "gridharvest-revision-"));
  afterAll(() => rmSync(dir, { recursive: true }));

  it("comes back from its file as it was, and its id tells what it takes over", async () => {
    const [missing, failed] = (["missing", "failed"] as const).map((mode) => planRevision(now(TODAY), EARLIER, mode));
    const path = join(dir, "plan.json");
    await writePlan(path, missing!);
    expect(await readPlan(path)).toEqual(missing);
    const ids = [missing, failed, now(TODAY), FIRST].map((one) => one?.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(planRevision(now(TODAY), { ...EARLIER, snapshot: "first-2" }, "missing").id).not.toBe(missing?.id);
  });
});
