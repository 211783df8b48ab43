import { expect, it } from "vitest";
import { calibrate } from "../../../../orchestrator/simulation/calibrate.ts";
import { DEFAULT_COSTS } from "../../../../orchestrator/simulation/costs.ts";
import { forecast } from "../../../../orchestrator/simulation/forecast.ts";
import { normalQuantile } from "../../../../orchestrator/simulation/random.ts";
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

it("has in its middle the run that is neither slow nor fast, and between its ends eight of ten", () => {
  const costs = { ...DEFAULT_COSTS, nodeSpread: 0, storeMicrosPerDocument: 60 };
  const { loadSeconds } = forecast(setup, costs);
  expect(loadSeconds.median).toBeCloseTo(simulate(setup, costs, 1, 0).loadSeconds, 6);
  // Of a normal distribution four fifths lie within 1.28 deviations.
  expect(loadSeconds.high / loadSeconds.median).toBeCloseTo(Math.exp(1.28 * costs.spread), 1);
  expect(loadSeconds.low / loadSeconds.median).toBeCloseTo(Math.exp(-1.28 * costs.spread), 1);
});

it.each([
  [0.5, 0],
  [0.1, -1.2816],
  [0.9, 1.2816],
  [1 / 18, -1.5932],
])("is spread as a normal distribution is: %f", (probability, quantile) => {
  expect(normalQuantile(probability)).toBeCloseTo(quantile, 2);
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
  const parserCpuSeconds = real.utilisation.parse * real.loadSeconds * setup.parsers.count;
  const parsing = truth.parseMicrosPerLine / (truth.parseMicrosPerLine + truth.sendMicrosPerDocument);
  const costs = calibrate(
    shared,
    {
      loadSeconds: real.loadSeconds,
      storeCpuSeconds: real.storeCpuSeconds,
      parseCpuSeconds: parserCpuSeconds * parsing,
      parserCpuSeconds,
      lines: real.lines,
      documents,
      bytes: real.lines * truth.lineBytes,
      storeBytes: documents * 75,
    },
    { ...DEFAULT_COSTS, nodeSpread: 0 },
  );
  // One run is off as the next one is: a prediction from it, by both.
  expect(costs.spread).toBeCloseTo(DEFAULT_COSTS.spread * Math.SQRT2, 9);
  const again = simulate(shared, costs, 1, 0);
  expect(again.storeCpuSeconds).toBeCloseTo(real.storeCpuSeconds, 4);
  // Not what cold code added to it.
  expect(costs.storeMicrosPerDocument / truth.storeMicrosPerDocument).toBeCloseTo(1, 2);
  expect(costs.parseMicrosPerLine / truth.parseMicrosPerLine).toBeCloseTo(1, 2);
  expect(costs.sendMicrosPerDocument / truth.sendMicrosPerDocument).toBeCloseTo(1, 2);
  expect(costs.indexBytesPerDocument).toBeCloseTo(75, 6);
  expect(again.loadSeconds / real.loadSeconds).toBeCloseTo(1, 1);
});
