import { expect, it } from "vitest";
import { calibrate } from "../../../../orchestrator/simulation/calibrate.ts";
import { DEFAULT_COSTS } from "../../../../orchestrator/simulation/costs.ts";
import { forecast } from "../../../../orchestrator/simulation/forecast.ts";
import { limitText } from "../../../../orchestrator/simulation/stages.ts";
import { simulate, type Setup } from "../../../../orchestrator/simulation/simulate.ts";

const setup: Setup = {
  files: [{ count: 62, bytes: 32e6, packed: false, indicesPerChunk: 1 }],
  chunkBytes: 8e6,
  stagingBytes: 5e8,
  indices: 34,
  shardsPerIndex: 1,
  dataNodes: { count: 2, cores: 1, replicas: 0 },
  parsers: { count: 2, cores: 1, slots: 1, unpackSlots: 1, requestsInFlight: 2, bulkBytes: 4e6 },
  submissionsPerMinute: 60,
};

it("is an interval around its middle, with what limits the load", () => {
  const result = forecast(setup, DEFAULT_COSTS, { runs: 15 });
  expect(result.seconds.low).toBeLessThan(result.seconds.median);
  expect(result.seconds.high).toBeGreaterThan(result.seconds.median);
  expect(result.typical.seconds).toBeCloseTo(result.seconds.median, 9);
  expect(result.limit.stage).toMatch(/store|busiestDataNode/);
  const still = forecast(setup, { ...DEFAULT_COSTS, spread: 0, nodeSpread: 0 }, { runs: 3 });
  expect(still.seconds.low).toBe(still.seconds.high);
});

it("names the archive where it is slow, the parsers where they are few, and nothing where answers are waited for", () => {
  const limit = (more: Partial<typeof DEFAULT_COSTS>): string =>
    forecast(setup, { ...DEFAULT_COSTS, ...more }, { runs: 1 }).limit.stage;
  expect(limit({ archiveBytesPerSecond: 2e6 })).toBe("archive");
  expect(limit({ parseMicrosPerLine: 200 })).toBe("parse");
  expect(limit({ redisMicrosPerChunk: 2e6 })).toBe("spool");
  expect(limit({ roundTripSeconds: 5 })).toBe("latency");
});

it("of a load that has no end says so after one run, and why", () => {
  const walltimes = { dataNode: 20, parser: 1e9, marginSeconds: 0 };
  const lossy = { ...setup, dataNodes: { ...setup.dataNodes, count: 1 }, walltimes };
  const result = forecast(lossy, { ...DEFAULT_COSTS, moveBytesPerSecond: 1e4 }, { runs: 9 });
  expect(result.runs).toBe(1);
  expect(result.seconds).toEqual({ median: Infinity, low: Infinity, high: Infinity });
  expect(limitText(result.limit)).toMatch(/loaded again without end; a longer dataNodes\.walltime/);
});

it.each([undefined, 2])("calibrated on a run plays that run, on a machine of %s shared cores", (machineCores) => {
  const truth = { ...DEFAULT_COSTS, spread: 0, nodeSpread: 0, storeMicrosPerDocument: 40, overheadCores: 0.7 };
  const shared = { ...setup, ...(machineCores === undefined ? {} : { machineCores }) };
  const real = simulate(shared, truth, 1);
  const documents = real.lines;
  const costs = calibrate(
    shared,
    {
      loadSeconds: real.loadSeconds,
      storeCpuSeconds: real.storeCpuSeconds,
      parseCpuSeconds: (real.lines * truth.parseMicrosPerLine) / 1e6,
      parserCpuSeconds:
        (real.lines * (truth.parseMicrosPerLine + truth.sendMicrosPerDocument)) / 1e6 + 2 * truth.parserColdSeconds,
      lines: real.lines,
      documents,
      bytes: real.lines * truth.lineBytes,
      storeBytes: documents * 75,
    },
    { ...DEFAULT_COSTS, spread: 0, nodeSpread: 0 },
  );
  const again = simulate(shared, costs, 1);
  expect(again.storeCpuSeconds).toBeCloseTo(real.storeCpuSeconds, 6);
  expect(costs.indexBytesPerDocument).toBeCloseTo(75, 6);
  expect(again.loadSeconds / real.loadSeconds).toBeCloseTo(1, 1);
});
