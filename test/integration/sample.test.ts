import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../orchestrator/config.ts";
import { planMonth } from "../../orchestrator/plan-month.ts";
import type { Plan, PlannedFile } from "../../orchestrator/plan.ts";
import { writeSample, type Manifest } from "../../orchestrator/sample/index.ts";
import { findSevenZip } from "../../orchestrator/sample/seven-zip.ts";
import { SSH_EVENTS } from "../../orchestrator/sample/scene.ts";
import { linesOf, NO_HEADER, ParseSums } from "../../worker/contract/parse-counts.ts";
import { createPipeline } from "../../worker/pipeline.ts";
import { DEFAULT_RULES } from "../support/rules.ts";

/**
 * The generator and the parser share no code, so what one wrote and the other read must agree to the line: the real
 * plan, the real pipeline, every document decoded.
 */

interface Document {
  readonly "@timestamp": string;
  readonly program?: string;
  readonly file: string;
  readonly unparsed?: string;
  readonly ssh?: { readonly event: string; readonly result: string; readonly remote?: string };
}

const root = mkdtempSync(join(tmpdir(), "gridharvest-test-sample-truth-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

for (const { name, month, timeZone, options } of [
  { name: "as it is", month: "2013-01", timeZone: "UTC", options: {} },
  {
    name: "with overlap, open ends and a night of 23 hours",
    month: "2013-03",
    timeZone: "Europe/Prague",
    options: { overlap: true, unterminated: 10, seed: 5, hosts: 60 },
  },
] as const) {
  describe(`a sample ${name}, planned and parsed`, () => {
    let manifest: Manifest;
    let plan: Plan;
    const files = new Map<string, number>();
    const programs = new Map<string, number>();
    const unparsed = new Map<string, number>();
    const days = new Map<string, number>();
    const results = new Map<string, number>();
    const remotes = new Map<string, Map<string, number>>();
    const parses = new ParseSums();
    let documents = 0;
    let withoutProgram = 0;

    beforeAll(async () => {
      const dir = join(root, month);
      manifest = await writeSample({ month, timeZone, lines: 60_000, dir, ...options });
      const { config } = await loadConfig({
        env: {},
        overrides: {
          "archive.root": { flag: "--set", value: dir },
          "archive.timeZone": { flag: "--set", value: timeZone },
          stateDir: { flag: "--state-dir", value: join(root, "state") },
        },
      });
      const pipeline = createPipeline(DEFAULT_RULES);
      plan = await planMonth(
        config,
        [month],
        {
          pipeline: { hash: pipeline.hash, rules: DEFAULT_RULES, fields: [] },
          measure: { pipeline, stateDir: join(root, "state") },
        },
        new AbortController().signal,
      );
      const localDay = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" });
      for (const file of plan.files) {
        const batch = pipeline.run(bytesOf(dir, plan, file), 0, file.origin);
        parses.add(batch.tallies.parses);
        const text = Buffer.from(batch.body.buffer, batch.body.byteOffset, batch.body.byteLength).toString("utf8");
        for (const line of text.split("\n").filter((_, i) => i % 2 === 1)) {
          const document = JSON.parse(line) as Document;
          documents++;
          add(files, document.file);
          if (document.program === undefined) withoutProgram++;
          else add(programs, document.program);
          if (document.unparsed !== undefined) add(unparsed, document.unparsed);
          add(days, localDay.format(new Date(document["@timestamp"])));
          if (!document.ssh || !SSH_EVENTS.includes(document.ssh.event)) continue;
          const result = `${document.ssh.event} ${document.ssh.result}`;
          add(results, result);
          if (document.ssh.remote === undefined) continue;
          const counts = remotes.get(document.ssh.remote) ?? new Map<string, number>();
          remotes.set(document.ssh.remote, counts);
          add(counts, result);
        }
      }
    });

    it("has nothing that the plan cannot load", () => {
      expect({ problems: plan.problems, unmatched: plan.unmatched }).toEqual({ problems: [], unmatched: [] });
    });

    it("becomes a document for each line, in the files that the manifest names", () => {
      expect(documents).toBe(manifest.lines);
      expect(Object.fromEntries(files)).toEqual(
        Object.fromEntries(manifest.files.map(({ identity, lines }) => [identity, lines])),
      );
    });

    it("is estimated to within 15 %", () => {
      const { lines = 0, documents: stored = 0, bytes = 0 } = plan.estimate ?? {};
      expect(Math.abs(lines / manifest.lines - 1)).toBeLessThan(0.15);
      expect(Math.abs(stored / documents - 1)).toBeLessThan(0.15);
      expect(Math.abs(bytes / manifest.bytes - 1)).toBeLessThan(0.15);
    });

    it("has the manifest's programs", () => {
      expect(Object.fromEntries(programs)).toEqual(manifest.programs);
      expect(withoutProgram).toBe(manifest.withoutProgram);
    });

    it("has the manifest's programs in what is counted of parsing", () => {
      const counted = parses.counts({ programs: 1000, groups: 1000, patterns: 1000 });
      const lines = Object.fromEntries(counted.programs.map((program) => [program.program, linesOf(program)]));
      expect(lines).toEqual({ ...manifest.programs, [NO_HEADER]: manifest.withoutProgram });
      const ofSshd = counted.programs.find(({ program }) => program === "sshd");
      // Dirt aside, the default pipelines know all that it says.
      expect(ofSshd?.full).toBeGreaterThan(0.98 * (manifest.programs["sshd"] ?? NaN));
      // Each line without a header is a miss.
      const withoutHeader = counted.misses.filter(({ program }) => program === NO_HEADER);
      expect(withoutHeader.reduce((sum, { lines }) => sum + lines, 0)).toBe(manifest.withoutProgram);
      expect(counted.overBudget).toEqual([]);
    });

    it("has the manifest's unparsed lines by kind", () => {
      expect(Object.fromEntries(unparsed)).toEqual(manifest.unparsed.kinds);
    });

    it("has the manifest's lines by day", () => {
      expect(Object.fromEntries([...days].sort())).toEqual(manifest.days);
    });

    it("has the manifest's ssh results by remote address", () => {
      expect(Object.fromEntries(results)).toEqual(manifest.ssh.results);
      const found = Object.fromEntries([...remotes].map(([remote, counts]) => [remote, Object.fromEntries(counts)]));
      expect(found).toEqual(manifest.ssh.remotes);
    });
  });
}

function add(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

function bytesOf(dir: string, plan: Plan, { source }: PlannedFile): Buffer {
  if (source.kind === "plain") return readFileSync(join(dir, source.file));
  const unpack = plan.unpacks.find(({ id }) => id === source.unpackId);
  if (!unpack) throw new Error(`the plan has no unpack ${source.unpackId}`);
  const file = join(dir, unpack.file);
  if (unpack.format === "gzip") return gunzipSync(readFileSync(file));
  return execFileSync(findSevenZip(), ["x", "-so", file, source.member], { maxBuffer: 2 ** 27 });
}
