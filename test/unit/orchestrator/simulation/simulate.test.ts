import { describe, expect, it } from "vitest";
import { costsSchema, DEFAULT_COSTS, type Costs } from "../../../../orchestrator/simulation/costs.ts";
import { simulate, type Setup } from "../../../../orchestrator/simulation/simulate.ts";

const MiB = 2 ** 20;

/** Nothing costs anything but what a test names. */
const FREE: Costs = costsSchema.parse({
  lineBytes: 100,
  bodyBytesPerByte: 2,
  parseMicrosPerLine: 1e-9,
  sendMicrosPerDocument: 0,
  parserWarmUp: { factor: 1, seconds: 0 },
  parserMicrosPerChunk: 0,
  unpackMicrosPerMiB: 0,
  storeMicrosPerDocument: 1e-9,
  storeMicrosPerRequest: 0,
  storeWarmUp: { factor: 1, seconds: 0 },
  indexBytesPerDocument: 90,
  archiveBytesPerSecond: 1e18,
  nodeBytesPerSecond: 1e18,
  moveBytesPerSecond: 1e18,
  moveSecondsPerShard: 0,
  snapshotBytesPerSecond: 1e18,
  launchSeconds: 0,
  qsubSeconds: 0,
  bootSeconds: { dataNode: 0, parser: 0 },
  joinSeconds: 0,
  gatewaySeconds: 0,
  indexSeconds: 0,
  spoolMicrosPerChunk: 0,
  finishSeconds: 0,
  verifySecondsPerIndex: 0,
  teardownSeconds: 0,
  redisMicrosPerChunk: 0,
  redisMicrosPerCommand: 0,
  redisMicrosPerRegistration: 0,
  roundTripSeconds: 0,
  spread: 0,
  nodeSpread: 0,
});

const SETUP: Setup = {
  files: [{ count: 31, bytes: 64 * MiB, packed: false, indicesPerChunk: 1 }],
  chunkBytes: 8 * MiB,
  stagingBytes: 512 * MiB,
  indices: 32,
  shardsPerIndex: 1,
  dataNodes: { count: 1, cores: 1, replicas: 0 },
  parsers: { count: 1, cores: 1, slots: 1, unpackSlots: 1, requestsInFlight: 2, bulkBytes: 4 * MiB },
  submissionsPerMinute: 1000,
};
const BYTES = 31 * 64 * MiB;
const LINES = BYTES / 100;
/** What the load's end is noticed late by. */
const NOTICED = 0.25;

describe("the load", () => {
  it("with one parser and a store without limits lasts exactly as long as parsing", () => {
    const run = simulate(SETUP, { ...FREE, parseMicrosPerLine: 5 }, 1);
    expect(run.loadSeconds - NOTICED).toBeCloseTo((LINES * 5) / 1e6, 4);
    expect(run.lines).toBeCloseTo(LINES, 3);
    expect(run.utilisation.parse).toBeGreaterThan(0.99);
    const cold = simulate(SETUP, { ...FREE, parseMicrosPerLine: 5, parserWarmUp: { factor: 30, seconds: 0.8 } }, 1);
    expect(cold.loadSeconds - run.loadSeconds).toBeCloseTo(0.8 * Math.log(30), 4);
  });

  it("with parsers without limits lasts as long as the store takes, on all its cores", () => {
    const setup = {
      ...SETUP,
      dataNodes: { count: 4, cores: 1, replicas: 0 },
      parsers: { ...SETUP.parsers, count: 64 },
    };
    const run = simulate(setup, { ...FREE, storeMicrosPerDocument: 20 }, 1);
    const wanted = (LINES * 20) / 1e6 / 4;
    expect(run.loadSeconds).toBeGreaterThan(wanted);
    // 31 days on 4 nodes: three hold eight of them, one seven.
    expect(run.loadSeconds).toBeLessThan(wanted * 1.1);
    expect(run.storeCpuSeconds).toBeCloseTo((LINES * 20) / 1e6, 3);
    expect(run.utilisation.busiestDataNode).toBeGreaterThan(0.95);
    // Each node gets warm by itself.
    const cold = simulate(setup, { ...FREE, storeMicrosPerDocument: 20, storeWarmUp: { factor: 4, seconds: 3 } }, 1);
    expect(cold.storeCpuSeconds - run.storeCpuSeconds).toBeCloseTo(4 * 3 * Math.log(4), 1);
  });

  it("costs the store a second time for a copy", () => {
    const setup = { ...SETUP, dataNodes: { count: 2, cores: 1, replicas: 1 } };
    const run = simulate(setup, { ...FREE, storeMicrosPerDocument: 20 }, 1);
    expect(run.storeCpuSeconds).toBeCloseTo((2 * LINES * 20) / 1e6, 3);
  });

  it("is no faster than the archive, the network of a node, and Redis", () => {
    const archive = simulate(SETUP, { ...FREE, archiveBytesPerSecond: 10e6 }, 1);
    expect(archive.loadSeconds - NOTICED).toBeCloseTo(BYTES / 10e6, 3);
    const network = simulate(SETUP, { ...FREE, nodeBytesPerSecond: 10e6 }, 1);
    expect(network.loadSeconds).toBeGreaterThan((2 * BYTES) / 10e6);
    const redis = simulate(SETUP, { ...FREE, redisMicrosPerChunk: 1e6 }, 1);
    expect(redis.loadSeconds - NOTICED).toBeCloseTo(31 * 8, 3);
  });

  it("leaves data nodes idle when there are more of them than shards", () => {
    const setup = {
      ...SETUP,
      dataNodes: { count: 64, cores: 1, replicas: 0 },
      parsers: { ...SETUP.parsers, count: 64 },
    };
    const costs = { ...FREE, storeMicrosPerDocument: 20 };
    const one = simulate(setup, costs, 1);
    expect(one.idleDataNodes).toBe(32);
    const two = simulate({ ...setup, shardsPerIndex: 2 }, costs, 1);
    expect(two.idleDataNodes).toBe(0);
    expect(two.loadSeconds).toBeLessThan(one.loadSeconds * 0.6);
  });

  it("on a machine that all nodes share lasts as long as all work together on its cores", () => {
    const setup = {
      ...SETUP,
      machineCores: 2,
      parsers: { ...SETUP.parsers, count: 8 },
      dataNodes: { count: 2, cores: 2, replicas: 0 },
    };
    const costs = { ...FREE, storeMicrosPerDocument: 20, parseMicrosPerLine: 5, overheadCores: 0.5 };
    const run = simulate(setup, costs, 1);
    expect(run.loadSeconds / ((LINES * 25) / 1e6 / 1.5)).toBeCloseTo(1, 1);
    expect(run.utilisation.machine).toBeGreaterThan(0.95);
  });

  it("of compressed files is as much as of plain ones, and waits for room in the staging space", () => {
    const files = [{ count: 31, bytes: 64 * MiB, packed: true, indicesPerChunk: 1 }];
    const costs = { ...FREE, unpackMicrosPerMiB: 10_000, parseMicrosPerLine: 5 };
    const run = simulate({ ...SETUP, files }, costs, 1);
    expect(run.lines).toBeCloseTo(LINES, 3);
    expect(run.loadSeconds - NOTICED).toBeCloseTo((LINES * 5) / 1e6 + (31 * 64 * 10_000) / 1e6, 0);
    const tight = simulate({ ...SETUP, files, stagingBytes: 8 * MiB }, costs, 1);
    expect(tight.lines).toBeCloseTo(LINES, 3);
    expect(tight.loadSeconds).toBeGreaterThanOrEqual(run.loadSeconds);
  });

  it("of small files takes many of them at once, and of nothing is over at once", () => {
    const small = [{ count: 10_000, bytes: 100_000, packed: false, indicesPerChunk: 20 }];
    const run = simulate({ ...SETUP, files: small }, { ...FREE, redisMicrosPerChunk: 1000, parseMicrosPerLine: 1 }, 1);
    expect(run.lines).toBeCloseTo(1e7, 0);
    expect(run.utilisation.spool * run.loadSeconds).toBeCloseTo(10, 1);
    expect(simulate({ ...SETUP, files: [] }, FREE, 1).loadSeconds).toBe(NOTICED);
  });
});

describe("chunks smaller than a bulk request", () => {
  const whole: Setup = {
    ...SETUP,
    indices: 1,
    files: [{ count: 4, bytes: 64 * MiB, packed: false, indicesPerChunk: 1 }],
  };
  const of = (chunkBytes: number): Setup => ({ ...whole, chunkBytes });

  it("go out together, as many as fit into a request", () => {
    // A body is twice as long as its lines: two MiB of lines fill one. Requests take a second each, so that parsed chunks wait for them.
    const costs = { ...FREE, storeMicrosPerRequest: 1e6 };
    const requests = (chunkBytes: number): number => simulate(of(chunkBytes), costs, 1).storeCpuSeconds;
    expect(requests(8 * MiB)).toBeCloseTo(256 / 2, 6);
    for (const chunkBytes of [MiB, MiB / 4]) {
      const count = requests(chunkBytes);
      expect(count).toBeGreaterThanOrEqual(256 / 2);
      // Whoever finds a request free goes out alone; most do not. One for each chunk would be 256 and 1,024.
      expect(count).toBeLessThanOrEqual((256 / 2) * 1.6);
    }
  });

  it("are worked on at once, as many as make one request, so that answers are not waited for one by one", () => {
    const costs = { ...FREE, roundTripSeconds: 1 };
    const large = simulate(of(2 * MiB), costs, 1).loadSeconds;
    expect(simulate(of(MiB / 4), costs, 1).loadSeconds / large).toBeLessThan(1.5);
  });

  it("cost a parser what a chunk costs beside its lines", () => {
    const costs = { ...FREE, parseMicrosPerLine: 5, parserMicrosPerChunk: 10_000 };
    const seconds = (chunkBytes: number): number => simulate(of(chunkBytes), costs, 1).loadSeconds;
    expect(seconds(MiB / 4) - seconds(8 * MiB)).toBeCloseTo(((1024 - 32) * 10_000) / 1e6, 4);
  });

  it("are played several at once where there are too many, and take as long", () => {
    const costs = {
      ...FREE,
      parseMicrosPerLine: 5,
      parserMicrosPerChunk: 1000,
      storeMicrosPerDocument: 10,
      storeMicrosPerRequest: 500,
    };
    const files = (count: number): Setup => ({
      ...SETUP,
      dataNodes: { count: 2, cores: 1, replicas: 0 },
      parsers: { ...SETUP.parsers, count: 2 },
      files: [{ count, bytes: MiB / 2, packed: false, indicesPerChunk: 3 }],
    });
    const few = simulate(files(4000), costs, 1);
    const many = simulate(files(40_000), costs, 1);
    expect(many.events / few.events).toBeLessThan(3);
    expect(many.loadSeconds / few.loadSeconds / 10).toBeGreaterThan(0.92);
    expect(many.loadSeconds / few.loadSeconds / 10).toBeLessThan(1.08);
  });
});

describe("nodes", () => {
  it("are submitted no faster than allowed, wait, boot and are certified one after the other", () => {
    const setup = { ...SETUP, files: [], dataNodes: { count: 130, cores: 1, replicas: 0 }, submissionsPerMinute: 60 };
    const limited = simulate(setup, { ...FREE, bootSeconds: { dataNode: 30, parser: 0 } }, 1);
    // The 121st follows the first 60 by two minutes.
    expect(limited.phases["boot"]).toBeCloseTo(120 + 30, 6);
    const certified = simulate({ ...setup, submissionsPerMinute: 1000 }, { ...FREE, joinSeconds: 1 }, 1);
    expect(certified.phases["boot"]).toBeCloseTo(131, 6);
  });

  const long: Setup = {
    ...SETUP,
    walltimes: { dataNode: 100, parser: 60, marginSeconds: 600 },
    dataNodes: { count: 2, cores: 1, replicas: 0 },
    parsers: { ...SETUP.parsers, count: 2 },
  };

  it("are replaced before their walltime ends, and nothing is lost", () => {
    const costs = { ...FREE, parseMicrosPerLine: 30, bootSeconds: { dataNode: 5, parser: 1 } };
    const run = simulate(long, costs, 1);
    const seconds = (LINES * 30) / 1e6 / 2;
    expect(seconds).toBeGreaterThan(300);
    expect(run.reloadedBytes).toBe(0);
    expect(run.lines).toBeCloseTo(LINES, 3);
    expect(run.replaced).toBeGreaterThan(10);
    // A parser drains a fifth of its walltime before its end: more of them overlap than that no time is lost.
    expect(run.loadSeconds / seconds).toBeGreaterThan(0.9);
    expect(run.loadSeconds / seconds).toBeLessThan(1.2);
  });

  it("that cannot be emptied before their walltime ends cost what they held, and it is loaded again", () => {
    const costs = {
      ...FREE,
      parseMicrosPerLine: 30,
      moveBytesPerSecond: 3e6,
      bootSeconds: { dataNode: 5, parser: 1 },
    };
    const walltimes = { dataNode: 300, parser: 1e9, marginSeconds: 0 };
    const run = simulate({ ...long, walltimes }, costs, 1);
    expect(run.reloadedBytes).toBeGreaterThan(0);
    expect(run.lines).toBeCloseTo(LINES, 3);
    const copied = { ...long, walltimes, dataNodes: { ...long.dataNodes, replicas: 1 } };
    expect(simulate(copied, costs, 1).reloadedBytes).toBe(0);
    // Hardly anything moves in time: each generation of nodes takes all with it.
    expect(simulate({ ...long, walltimes }, { ...costs, moveBytesPerSecond: 1e4 }, 1).seconds).toBe(Infinity);
  });

  it("cost node-hours from their start to their end", () => {
    const run = simulate(SETUP, { ...FREE, parseMicrosPerLine: 5, finishSeconds: 100 }, 1);
    const load = (LINES * 5) / 1e6;
    expect(run.nodeHours.parsers * 3600).toBeCloseTo(load, 3);
    expect(run.nodeHours.dataNodes * 3600).toBeCloseTo(load + 100, 3);
    expect(run.seconds).toBeCloseTo(load + NOTICED + 100, 3);
  });
});

it("is the same for the same seed, and another one for another", () => {
  const costs = { ...DEFAULT_COSTS, queueWaitSeconds: { dataNode: 20, parser: 20 } };
  const once = simulate(SETUP, costs, 3);
  expect(simulate(SETUP, costs, 3)).toEqual(once);
  expect(simulate(SETUP, costs, 4).seconds).not.toBe(once.seconds);
});

describe("a month that is too large to be played chunk by chunk", () => {
  const costs = {
    ...FREE,
    parseMicrosPerLine: 2,
    storeMicrosPerDocument: 15,
    storeMicrosPerRequest: 2000,
    redisMicrosPerChunk: 3000,
    roundTripSeconds: 0.01,
  };
  const of = (files: number, packed: boolean): Setup => ({
    ...SETUP,
    files: [{ count: files, bytes: 512 * MiB, packed, indicesPerChunk: 1 }],
    dataNodes: { count: 4, cores: 2, replicas: 0 },
    parsers: { ...SETUP.parsers, count: 4, slots: 2 },
    stagingBytes: 2 ** 34,
  });

  it.each([false, true])("takes as long as its chunks one by one would, compressed %s", (packed) => {
    // 60 files are 3,840 chunks, which are played one by one.
    const few = simulate(of(60, packed), costs, 1);
    const many = simulate(of(600, packed), costs, 1);
    expect(many.events / few.events).toBeLessThan(1.5);
    const ratios = [many.loadSeconds / few.loadSeconds / 10];
    for (const stage of ["parse", "store", "spool"] as const) {
      ratios.push(many.utilisation[stage] / few.utilisation[stage]);
    }
    // Ends and beginnings of larger pieces; what costs vary from run to run is more.
    expect(Math.min(...ratios)).toBeGreaterThan(0.92);
    expect(Math.max(...ratios)).toBeLessThan(1.08);
  });
});
