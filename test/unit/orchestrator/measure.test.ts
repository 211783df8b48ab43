import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configSchema } from "../../../orchestrator/config-schema.ts";
import { DEFAULT_KNOWN_COSTS } from "../../../orchestrator/estimate.ts";
import { lastCosts } from "../../../orchestrator/measure.ts";
import { costsOfCampaign, readCosts } from "../../../orchestrator/simulated-costs.ts";
import { DEFAULT_COSTS } from "../../../orchestrator/simulation/costs.ts";

let stateDir = "";
beforeEach(async () => void (stateDir = await mkdtemp(join(tmpdir(), "gridharvest-measure-"))));
afterEach(() => rm(stateDir, { recursive: true }));

/** A campaign of a site with a batch system of its own, as it leaves its files. */
async function campaign(id: string, state: string): Promise<void> {
  const dir = join(stateDir, "campaigns", id);
  await mkdir(dir, { recursive: true });
  const counts = { read: 1_000_000, written: 1_000_000, duplicate: 0, dropped: 0, rejected: 0, unparsed: 0 };
  const job = (name: string, role: string, seconds: number, cpuSeconds: number): object => ({
    name,
    role,
    seconds,
    cpuSeconds,
  });
  const report = {
    state,
    months: ["2013-01"],
    lines: counts,
    documents: 1_000_000,
    bytes: 100e6,
    chunks: 20,
    jobs: [job("d1", "es-data", 200, 50), job("d2", "es-data", 200, 50), job("p1", "parser", 150, 13)],
    phases: { boot: 50, load: 100, finish: 30, "finish: snapshot": 3, "finish: verify-snapshot": 17, teardown: 2 },
    loadSeconds: 100,
    observed: {
      queueWaitSeconds: { "es-data": 7, parser: 3 },
      bootSeconds: { "es-data": 31, parser: 4 },
      moves: 1,
      shardBytesPerSecond: 5e6,
    },
    storeBytes: 75e6,
    storeMicrosPerDocument: 60,
    parseMicrosPerLine: 4,
    perIndex: { a: 600_000, b: 400_000, c: 0 },
    perFile: Array.from({ length: 20 }, (_, i) => ({ path: `f${String(i)}`, ...counts, bytes: 5e6 })),
  };
  const config = configSchema.parse({ batch: { system: "torque" } });
  await writeFile(join(dir, "campaign.json"), JSON.stringify({ version: 1, id, months: ["2013-01"], config }));
  await writeFile(join(dir, "report.json"), JSON.stringify(report));
  await writeFile(join(dir, "ledger.ndjson"), `${JSON.stringify({ perIndex: { a: 1, b: 1, c: 1 } })}\n`);
}

describe("what things cost", () => {
  it.each([
    ["done", true],
    ["serving", true],
    ["finishing", false],
    ["failed", false],
  ])("is taken from a campaign that is %s: %s", async (state, counts) => {
    await campaign("january", state);
    const known = await lastCosts(stateDir);
    expect(known.source).toBe(counts ? "campaign january" : "default");
    if (!counts) expect(known).toEqual(DEFAULT_KNOWN_COSTS);
  });

  it("is what the campaign's report says of it", async () => {
    await campaign("january", "done");
    const costs = await costsOfCampaign(stateDir, "january");
    expect(costs).toMatchObject({
      lineBytes: 100,
      indexDocuments: 500_000,
      indexBytesPerDocument: 75,
      queueWaitSeconds: { dataNode: 7, parser: 3 },
      bootSeconds: { dataNode: 31, parser: 4 },
      moveBytesPerSecond: 5e6,
      finishSeconds: 10,
    });
    // 13 s of a parser less 2 until it takes a chunk, and what cold code, nearly warm after 11 s, and 20 chunks took of the rest; 4 of 11 s were parsing.
    const { factor, seconds } = DEFAULT_COSTS.parserWarmUp;
    const cold = seconds * Math.log(factor / (1 + (factor - 1) * Math.exp(-11 / seconds)));
    const warm = 11 - cold - (20 * DEFAULT_COSTS.parserMicrosPerChunk) / 1e6;
    expect(costs.parseMicrosPerLine).toBeCloseTo((warm * 4) / 11, 3);
    expect(costs.sendMicrosPerDocument).toBeCloseTo((warm * 7) / 11, 3);
    // The first documents of a node are dearer than the rest, which therefore cost less than the 60 µs of all.
    expect(costs.storeMicrosPerDocument).toBeGreaterThan(15);
    expect(costs.storeMicrosPerDocument).toBeLessThan(60);
  });

  it("cannot be said of a campaign that has not finished, nor of none", async () => {
    await campaign("january", "failed");
    await expect(costsOfCampaign(stateDir, "january")).rejects.toThrow(/january has not finished a load/);
    await expect(costsOfCampaign(stateDir, "february")).rejects.toThrow(/february/);
  });

  it("can be written into a file, as far as it is not the usual", async () => {
    const file = join(stateDir, "costs.json");
    await writeFile(file, JSON.stringify({ parseMicrosPerLine: 1.5 }));
    expect(await readCosts(file)).toEqual({ ...DEFAULT_COSTS, parseMicrosPerLine: 1.5 });
    await writeFile(file, JSON.stringify({ parseMicrosPerLine: "fast", lineByte: 3 }));
    await expect(readCosts(file)).rejects.toThrow(/costs\.json: parseMicrosPerLine: .*lineByte/);
    await writeFile(file, "{");
    await expect(readCosts(file)).rejects.toThrow(/is not JSON/);
    await expect(readCosts(join(stateDir, "none"))).rejects.toThrow(/cannot be read/);
  });
});
