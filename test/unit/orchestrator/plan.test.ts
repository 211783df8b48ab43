import { NO_RULES } from "../../../worker/contract/rules.ts";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  documentsByService,
  estimate,
  estimateForNodes,
  lossCost,
  DEFAULT_KNOWN_COSTS,
} from "../../../orchestrator/estimate.ts";
import { configSchema } from "../../../orchestrator/config-schema.ts";
import { indexBytesOf, segmentsOf } from "../../../orchestrator/index-size.ts";
import type { Inventory, InventoryArchive, InventoryFile } from "../../../orchestrator/inventory.ts";
import { resolveOverlap } from "../../../orchestrator/overlap.ts";
import { comparePlans } from "../../../orchestrator/plan-difference.ts";
import { readPlan, writePlan } from "../../../orchestrator/plan-file.ts";
import { parseMonths } from "../../../orchestrator/plan-month.ts";
import {
  chunksOf,
  makePlan as makeRuledPlan,
  orderedChunks,
  unpacksOf,
  type Pinned,
  type Plan,
} from "../../../orchestrator/plan.ts";
import { shortId } from "../../../orchestrator/planned-files.ts";
import { chunkSchema, unpackSchema, type Chunk } from "../../../worker/contract/chunk.ts";
import { BackfillError, ConfigError } from "../../../worker/contract/errors.ts";

/** Plans of these tests are of no pipeline. */
const makePlan = (...[inventory, pinned]: [Parameters<typeof makeRuledPlan>[0], Parameters<typeof makeRuledPlan>[1]]) =>
  makeRuledPlan(inventory, pinned, { rules: NO_RULES, fields: [] });

const MiB = 2 ** 20;
const PINNED: Pinned = {
  pipeline: "p1",
  timeZone: "Europe/Prague",
  hostZones: [],
  indexPattern: "logs-{day}-m{month}-r{revision}",
  revision: 1,
  chunkBytes: MiB,
  repeated: "count",
  ids: "derived",
};

function file(path: string, size: number, more: Partial<InventoryFile> = {}): InventoryFile {
  return {
    path,
    identity: path,
    place: path,
    format: "plain",
    size,
    mtimeMs: 1_360_000_000_123.25,
    month: "2013-01",
    service: "syslog",
    kind: "per-host",
    dropPrograms: [],
    ...more,
  };
}

function inventory(files: readonly InventoryFile[], archives: readonly InventoryArchive[] = []): Inventory {
  const { groups, overlaps } = resolveOverlap(files, "both");
  const months = ["2013-01"];
  return { root: "/a", months, files, archives, groups, overlaps, problems: [], notes: [], unmatched: [], empty: 0 };
}

const MIXED = inventory(
  [
    file("h/b", 3 * MiB + 7, { collector: "10.0.0.1" }),
    file("h/a", 10, { day: "2013-01-05", dropPrograms: ["pbs_mom"] }),
    file("h/empty", 0),
    file("h/c.gz", 999, { identity: "h/c", format: "gzip" }),
    file("h/z.7z", 2_000_000, { identity: "h/z/two", member: "two", format: "7z" }),
    file("h/z.7z", 50, { identity: "h/z/one", member: "one", format: "7z" }),
    file("h/skipped", 5, { skipped: "prefer" }),
  ],
  [
    {
      path: "h/z.7z",
      size: 1234,
      mtimeMs: 5,
      stream: [
        { member: "one", size: 50 },
        { member: "other", size: 9 },
        { member: "two", size: 2_000_000 },
      ],
    },
  ],
);

describe("a plan's id", () => {
  const base = makePlan(MIXED, PINNED);

  it("is the same for the same input, in whatever order it was listed", () => {
    expect(makePlan({ ...MIXED, files: [...MIXED.files].reverse() }, PINNED).id).toBe(base.id);
    expect(base.id).toMatch(/^[0-9a-f]{12}$/);
  });

  it("depends on nothing that does not decide the result", () => {
    const other = { ...MIXED, root: "/elsewhere", unmatched: ["x"], groups: [], overlaps: [] };
    expect(makePlan(other, PINNED).id).toBe(base.id);
  });

  it.each<[string, Partial<Pinned>]>([
    ["pipeline", { pipeline: "p2" }],
    ["time zone", { timeZone: "UTC" }],
    ["host zones", { hostZones: [{ host: "*.ca", timeZone: "America/St_Johns" }] }],
    ["index pattern", { indexPattern: "x-{day}-{month}-{revision}" }],
    ["revision", { revision: 2 }],
    ["repeated lines", { repeated: "expand" }],
    ["ids", { ids: "store" }],
    ["chunk size", { chunkBytes: 2 * MiB }],
  ])("changes with the %s, and the comparison names it", (name, change) => {
    const changed = makePlan(MIXED, { ...PINNED, ...change });
    expect(changed.id).not.toBe(base.id);
    expect(comparePlans(base, changed)).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
  });

  it.each<[string, (f: InventoryFile) => InventoryFile | undefined, RegExp]>([
    [
      "a size",
      (f) => (f.path === "h/b" ? { ...f, size: f.size + 1 } : f),
      /^size of h\/b: 3145735 bytes, 3145736 now$/,
    ],
    ["a time", (f) => (f.path === "h/b" ? { ...f, mtimeMs: 1 } : f), /^modification time of h\/b: /],
    ["a file gone", (f) => (f.path === "h/b" ? undefined : f), /^file removed: h\/b$/],
    ["a file skipped", (f) => (f.path === "h/b" ? { ...f, skipped: "x" } : f), /^file removed: h\/b$/],
    ["a file renamed", (f) => (f.path === "h/c.gz" ? { ...f, path: "h/c.GZ" } : f), /^file moved: h\/c.gz to h\/c.GZ$/],
    [
      "dropped programs",
      (f) => (f.path === "h/b" ? { ...f, dropPrograms: ["x"] } : f),
      /^layout of h\/b: .*without x now$/,
    ],
    [
      "a last day",
      (f) => (f.path === "h/b" ? { ...f, lastDay: "2013-02-01" } : f),
      /^layout of h\/b: .* until 2013-02-01 now$/,
    ],
    ["an encoding", (f) => (f.path === "h/b" ? { ...f, encoding: "latin2" } : f), /^layout of h\/b: .* latin2 now$/],
    ["a service", (f) => (f.path === "h/b" ? { ...f, service: "s" } : f), /^layout of h\/b: /],
  ])("changes with %s, and the comparison names it", (_, change, line) => {
    const files = MIXED.files.map(change).filter((f) => f !== undefined);
    const changed = makePlan({ ...MIXED, files }, PINNED);
    expect(changed.id).not.toBe(base.id);
    expect(comparePlans(base, changed)).toEqual([expect.stringMatching(line)]);
  });

  it("changes with a 7z archive's time", () => {
    const archives = MIXED.archives.map((a) => ({ ...a, mtimeMs: 6 }));
    expect(comparePlans(base, makePlan({ ...MIXED, archives }, PINNED))).toHaveLength(2);
  });

  it("an added file is named, many are counted", () => {
    const files = [...MIXED.files, ...Array.from({ length: 30 }, (_, i) => file(`n/${i}`, 1))];
    const lines = comparePlans(base, makePlan({ ...MIXED, files }, PINNED));
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe("and 10 more files");
  });
});

describe("chunks", () => {
  const plan = makePlan(MIXED, PINNED);

  it("name plain files by absolute path, and are valid messages", () => {
    const chunks = [...orderedChunks(plan)];
    for (const chunk of chunks) chunkSchema.parse(chunk);
    expect(new Set(chunks.map((c) => c.source.file))).toEqual(new Set(["/a/h/a", "/a/h/b"]));
    expect(chunks.find((c) => c.source.file === "/a/h/a")?.origin).toEqual({
      fileId: shortId("h/a"),
      path: "h/a",
      month: "2013-01",
      firstDay: "2013-01-05",
      timeZone: "Europe/Prague",
      service: "syslog",
      index: { pattern: PINNED.indexPattern, revision: 1 },
      dropPrograms: ["pbs_mom"],
    });
  });

  it("have the zone of the host that their path names, and know the zones of hosts that lines name", () => {
    const hostZones = [
      { host: "10.1.*", timeZone: "Asia/Tokyo" },
      { host: "10.*", timeZone: "America/St_Johns" },
    ];
    const files = [
      file("a", 1, { collector: "10.1.0.1" }),
      file("b", 1, { collector: "10.2.0.1", lastDay: "2013-01-09", encoding: "latin2" }),
      file("c", 1),
    ];
    const origins = makePlan(inventory(files), { ...PINNED, hostZones }).files.map(({ origin }) => origin);
    expect(origins.map(({ timeZone }) => timeZone)).toEqual(["Asia/Tokyo", "America/St_Johns", "Europe/Prague"]);
    expect(origins[2]?.hostZones).toEqual(hostZones);
    expect(origins[1]).toMatchObject({ lastDay: "2013-01-09", encoding: "latin2" });
  });

  it("tile their file, whatever its size and the chunk's", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 1, max: 700 }), (size, chunkBytes) => {
        const one = makePlan(inventory([file("f", size)]), { ...PINNED, chunkBytes });
        const chunks = one.files.flatMap((f) => [...chunksOf(f, one)]);
        let at = 0;
        chunks.forEach((chunk, n) => {
          expect(chunk.id).toBe(`${shortId("f")}-${n}`);
          expect(chunk.range.start).toBe(at);
          expect(chunk.range.end).toBeGreaterThan(at);
          at = chunk.range.end;
        });
        expect(at).toBe(size);
      }),
    );
  });

  it("come interleaved exactly once each", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ size: fc.integer({ min: 0, max: 3000 }), day: fc.option(fc.integer({ min: 1, max: 31 })) }),
          {
            maxLength: 40,
          },
        ),
        (shapes) => {
          const files = shapes.map(({ size, day }, i) =>
            file(`f${i}`, size, day === null ? {} : { day: `2013-01-${String(day).padStart(2, "0")}` }),
          );
          const some = makePlan(inventory(files), { ...PINNED, chunkBytes: 100 });
          const inOrder = some.files.flatMap((f) => [...chunksOf(f, some)]);
          const byId = (a: Chunk, b: Chunk): number => (a.id < b.id ? -1 : 1);
          expect([...orderedChunks(some)].sort(byId)).toEqual(inOrder.sort(byId));
        },
      ),
    );
  });

  it("take the days in turn", () => {
    const days = Array.from({ length: 31 }, (_, i) => `2013-01-${String(i + 1).padStart(2, "0")}`);
    const daily = days.map((day) => file(`hosts/auth/${day}`, 5 * MiB, { day }));
    const first = [...orderedChunks(makePlan(inventory(daily), PINNED))].slice(0, 31);
    expect(new Set(first.map((chunk) => chunk.origin.firstDay)).size).toBe(31);
  });

  it("of one month-long file begin at many of its days", () => {
    const chunks = [...orderedChunks(makePlan(inventory([file("f", 310 * MiB)]), PINNED))];
    const days = new Set(chunks.slice(0, 31).map((chunk) => Math.floor(chunk.range.start / (10 * MiB))));
    expect(days.size).toBeGreaterThan(25);
  });
});

it("unpacks name their members in stream order, and are valid messages", () => {
  const plan = makePlan(MIXED, PINNED);
  const unpacks = unpacksOf(plan, { dir: "/s", limitBytes: 99 });
  for (const unpack of unpacks) unpackSchema.parse(unpack);
  const seven = unpacks.find((u) => u.format === "7z");
  expect(seven).toMatchObject({ id: shortId("h/z.7z"), file: "/a/h/z.7z", size: 1234, mtimeMs: 5, stagingDir: "/s" });
  expect(seven?.members.map((m) => [m.member, m.size, m.origin.path])).toEqual([
    ["one", 50, "h/z/one"],
    ["two", 2_000_000, "h/z/two"],
  ]);
  expect(seven?.stream).toHaveLength(3);
  const gzip = unpacks.find((u) => u.format === "gzip");
  expect(gzip?.members).toEqual([{ member: "", origin: expect.objectContaining({ path: "h/c" }) as unknown }]);
});

describe("short ids", () => {
  it("are the first 60 bits of SHA-256 in base32hex", () => {
    // echo -n abc | sha256sum: ba7816bf8f01cfea…; 0xba7816bf8f01cfe in fives of bits.
    const expected = BigInt("0xba7816bf8f01cfe").toString(32).padStart(12, "0");
    expect(shortId("abc")).toBe(expected);
    expect(expected).toMatch(/^[0-9a-v]{12}$/);
  });

  it("that collide are refused", () => {
    const twice = inventory([file("h/a", 1), file("h/x", 1, { identity: "h/a" })]);
    expect(() => makePlan(twice, PINNED)).toThrow(BackfillError);
    expect(() => makePlan(twice, PINNED)).toThrow(/same short id/);
  });
});

describe("a plan file", () => {
  let dir = "";
  beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "gridharvest-plan-"))));
  afterAll(() => rm(dir, { recursive: true }));

  it("reads back as it was written", async () => {
    const odd = file('h/new\nline "quoted" \u2028', 5, {
      lastDay: "2013-01-31",
      encoding: "windows-1250",
      collector: "x.ca",
    });
    const hostile = inventory([...MIXED.files, odd], MIXED.archives);
    const hostZones = [{ host: "*.ca", timeZone: "America/St_Johns" }];
    const bare = makePlan(hostile, { ...PINNED, hostZones, repeated: "expand", ids: "store" });
    expect(bare.files[0]?.origin).toMatchObject({ repeated: "expand", ids: "store" });
    const config = configSchema.parse({});
    const plan: Plan = { ...bare, estimate: estimate(bare, config, undefined, DEFAULT_KNOWN_COSTS, 2) };
    const path = join(dir, "deep", "plan.json");
    await writePlan(path, plan);
    expect(await readPlan(path)).toEqual(plan);
    JSON.parse(await readFile(path, "utf8"));
    expect(comparePlans(await readPlan(path), plan)).toEqual([]);
  });

  it("reads back when somebody has laid it out otherwise, and not when its end is missing", async () => {
    const path = join(dir, "laid-out.json");
    const plan = makePlan(MIXED, PINNED);
    await writePlan(path, plan);
    const text = await readFile(path, "utf8");
    await writeFile(path, JSON.stringify(JSON.parse(text), undefined, 2));
    expect(await readPlan(path)).toEqual(plan);
    for (const length of [text.length - 40, text.lastIndexOf("\n", text.length - 2) + 1]) {
      await writeFile(path, text.slice(0, length));
      await expect(readPlan(path)).rejects.toMatchObject({ code: "PLAN_UNREADABLE" });
    }
  });

  it("that says another content than its id is refused", async () => {
    const path = join(dir, "changed.json");
    await writePlan(path, makePlan(MIXED, PINNED));
    const stored = JSON.parse(await readFile(path, "utf8")) as { files: unknown[]; pinned: object };
    for (const changed of [
      { ...stored, files: stored.files.slice(1) },
      { ...stored, pinned: { ...stored.pinned, timeZone: "UTC" } },
    ]) {
      await writeFile(path, JSON.stringify(changed));
      await expect(readPlan(path)).rejects.toMatchObject({ code: "PLAN_UNREADABLE" });
    }
  });

  it.each([
    ["no JSON", "{", /is not a plan file/],
    ["another version", '{"version":2}', /not a plan of this version \(version/],
    ["another object", "[]", /not a plan of this version/],
  ])("with %s is refused by name", async (_, text, message) => {
    const path = join(dir, "bad.json");
    await writeFile(path, text);
    await expect(readPlan(path)).rejects.toThrow(ConfigError);
    await expect(readPlan(path)).rejects.toThrow(message);
    await expect(readPlan(path)).rejects.toThrow(path);
  });
});

describe("an estimate", () => {
  it("for other nodes is what it would have been for them from the start", () => {
    const few = configSchema.parse({ dataNodes: { count: 1 }, parsers: { count: 1 } });
    for (const cores of [undefined, 2]) {
      const before = estimate(plan, config, undefined, DEFAULT_KNOWN_COSTS, 64);
      const now = estimateForNodes(before, few, cores);
      expect(now).toEqual(estimate(plan, few, undefined, DEFAULT_KNOWN_COSTS, cores));
      expect(now.loadSeconds).toBeGreaterThan(before.loadSeconds);
    }
  });

  const config = configSchema.parse({ dataNodes: { count: 4 }, parsers: { count: 2 } });
  const plan = makePlan(
    inventory([file("a", 1_000_000), file("b.gz", 100_000, { identity: "b", format: "gzip" })]),
    PINNED,
  );

  it("rests on the sample, and says so", () => {
    const sample = {
      files: 2,
      services: [{ service: "syslog", lines: 100, bytes: 10_000, documents: 80, furtherIndices: 3 }],
      microsPerLine: 2,
      bodyBytesPerDocument: 250,
      gzipRatio: 5,
    };
    const result = estimate(plan, config, sample, { ...DEFAULT_KNOWN_COSTS, source: "campaign x" }, undefined);
    expect(result).toMatchObject({ bytes: 1_500_000, lines: 15_000, documents: 12_000, chunks: 2 });
    // By the length of the line: what is known is known of lines of 128 bytes.
    const density = { bytesPerDocument: 120 * (100 / 128), documents: 30_000, segments: 1 };
    expect(result.indexBytes).toBe(Math.round(indexBytesOf([{ documents: 12_000, density }], 31, segmentsOf(0))));
    expect(result.basis.parser).toContain("2.00 µs a line, measured on 2 files");
    expect(result.basis.store).toContain("measured by campaign x");
    expect(result.simulated.costs).toMatchObject({
      lineBytes: 100,
      documentsPerLine: 0.8,
      parseMicrosPerLine: 2,
      bodyBytesPerByte: 2,
    });
    expect(result.simulated.files.reduce((sum, group) => sum + group.count * group.bytes, 0)).toBeCloseTo(1_500_000);
    const [low, high] = result.range.seconds;
    expect(low).toBeLessThan(result.seconds);
    expect(high).toBeGreaterThan(result.seconds);
  });

  it("has an index as large as a sample showed, service by service", () => {
    const both = makePlan(
      inventory([file("a", 1_000_000), file("b", 100_000, { service: "auth" }), file("c", 1000, { service: "kern" })]),
      PINNED,
    );
    const service = { lines: 100, bytes: 10_000, documents: 80, furtherIndices: 0 };
    const services = ["syslog", "auth"].map((name) => ({ service: name, ...service }));
    const sample = { files: 2, services, microsPerLine: 2, bodyBytesPerDocument: 250 };
    const documents = documentsByService(both, sample, DEFAULT_KNOWN_COSTS);
    expect([...documents]).toEqual([
      ["syslog", 8000],
      ["auth", 800],
      ["kern", 8],
    ]);
    const density = (bytesPerDocument: number) => ({ bytesPerDocument, documents: 20_000, segments: 1 });
    const measured = {
      densities: new Map([
        ["syslog", density(90)],
        ["auth", density(200)],
      ]),
      otherwise: density(100),
    };
    const result = estimate(both, config, sample, DEFAULT_KNOWN_COSTS, undefined, measured);
    const parts = [
      { documents: 8000, density: density(90) },
      { documents: 800, density: density(200) },
      { documents: 8, density: density(100) },
    ];
    expect(result.indexBytes).toBe(Math.round(indexBytesOf(parts, 31, segmentsOf(0))));
    expect(result.basis.store).toContain("measured on a sample of this archive");
    expect(result.simulated.costs.indexBytesPerDocument).toBeCloseTo(result.indexBytes / 8808, 3);
  });

  it("says what a copy costs, and what a lost data node costs without one", () => {
    const services = [{ service: "syslog", lines: 100, bytes: 10_000, documents: 80, furtherIndices: 0 }];
    const sample = { files: 2, services, microsPerLine: 2, bodyBytesPerDocument: 250, gzipRatio: 5 };
    // Of two chunks, each in an index of its own, a fourth of the nodes holds a fourth, and half of it is loaded by then.
    const daily = estimate(plan, config, sample, DEFAULT_KNOWN_COSTS, undefined);
    expect(daily.indicesPerChunk).toBe(1);
    expect(lossCost(daily, config.dataNodes)).toEqual({
      replicas: 0,
      copyBytes: daily.indexBytes,
      copyCoreSeconds: (12_000 * 19) / 1e6,
      reloadChunks: 0,
      reloadBytes: Math.round(1_500_000 / 8),
    });
    // Each chunk runs through all days: every node has something of it.
    const whole = services.map((service) => ({ ...service, furtherIndices: 10 }));
    const monthly = estimate(plan, config, { ...sample, services: whole }, DEFAULT_KNOWN_COSTS, undefined);
    expect(monthly.indicesPerChunk).toBe(34);
    expect(lossCost(monthly, config.dataNodes)).toMatchObject({ reloadChunks: 1, reloadBytes: 749_958 });
    expect(lossCost(monthly, { ...config.dataNodes, count: 1 }).reloadBytes).toBe(750_000);
    // Two chunks go to two nodes; with copies each has both to index.
    const two = { ...config, dataNodes: { ...config.dataNodes, count: 2 } };
    const copied = { ...two, dataNodes: { ...two.dataNodes, replicas: 1 as const } };
    const seconds = (of: typeof config): number => estimateForNodes(daily, of, undefined).loadSeconds;
    expect(seconds(copied)).toBeGreaterThan(seconds(two));
  });

  it("says when it rests on defaults alone", () => {
    const result = estimate(plan, config, undefined, DEFAULT_KNOWN_COSTS, 1);
    expect(result.bytes).toBe(2_000_000);
    expect(result.basis.parser).toContain("by default");
    expect(result.basis.store).toContain("no campaign has been measured");
    expect(result.basis.machine).toContain("1 cores");
  });

  it("of nothing is finite", () => {
    const empty = makePlan(inventory([file("a", 0)]), PINNED);
    const result = estimate(empty, config, undefined, DEFAULT_KNOWN_COSTS, 1);
    expect(result).toMatchObject({ lines: 0, documents: 0, chunks: 0 });
    expect(Number.isFinite(result.seconds)).toBe(true);
  });
});

describe("months", () => {
  it.each([
    ["2013-01", ["2013-01"]],
    ["2012-11..2013-02", ["2012-11", "2012-12", "2013-01", "2013-02"]],
    ["2013-01..2013-01", ["2013-01"]],
  ])("%s", (text, months) => expect(parseMonths(text)).toEqual(months));

  it.each([
    ["2013-13", /not a month; write year and month as in 2013-01/],
    ["2013-1", /not a month/],
    ["", /not a month/],
    ["2013-03..2013-01", /write 2013-01\.\.2013-03/],
    ["2013-01..", /not a month/],
    ["2013-01..2013-02..2013-03", /one month, 2013-01, or a range/],
    ["2010-01..2013-01", /more than 36 months/],
  ])("%j is refused with a remedy", (text, message) => {
    expect(() => parseMonths(text)).toThrow(ConfigError);
    expect(() => parseMonths(text)).toThrow(message);
  });
});
