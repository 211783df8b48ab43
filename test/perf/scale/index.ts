import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../../../orchestrator/config.ts";
import { writeSample } from "../../../orchestrator/sample/index.ts";
import { indexCount } from "../../../orchestrator/shards.ts";
import { calibrate } from "../../../orchestrator/simulation/calibrate.ts";
import { DEFAULT_COSTS, type Costs } from "../../../orchestrator/simulation/costs.ts";
import { forecast } from "../../../orchestrator/simulation/forecast.ts";
import { setupOf } from "../../../orchestrator/simulation/setup.ts";
import type { Setup } from "../../../orchestrator/simulation/simulate.ts";
import { groupFiles } from "../../../orchestrator/simulation/work.ts";
import type { LedgerRow } from "../../../worker/contract/ledger.ts";
import { startRedis } from "../../support/redis-server.ts";
import { atMost, type Benchmark, type BenchContext, type Goal, type Row } from "../benchmark.ts";
import { curve, curveText } from "./curve.ts";
import { readOptions, type ScaleOptions, type Shape } from "./options.ts";
import { redisCosts, redisText } from "./redis-costs.ts";
import { makeScaleSite, type ScaleSite } from "./real-run.ts";
import { runRow, runsText, type RunRow } from "./report.ts";

const KiB = 2 ** 10;
const MONTH = "2013-01";
/** The one run that costs are taken from. */
const CALIBRATED: Shape = { dataNodes: 2, parsers: 2, chunkBytes: 512 * KiB };
/** What is predicted beforehand: another chunk size, another number of data nodes, of parsers. */
const PREDICTED: readonly Shape[] = [
  { ...CALIBRATED, chunkBytes: 64 * KiB },
  { ...CALIBRATED, dataNodes: 3 },
  { ...CALIBRATED, parsers: 4 },
];
const REST: readonly Shape[] = [1, 2, 3].flatMap((dataNodes) =>
  [1, 2, 4].map((parsers) => ({ ...CALIBRATED, dataNodes, parsers })),
);

/** Real campaigns on 1 to 3 data nodes and 1 to 4 parsers, what the simulator said of them before, and its curve to 1,000 nodes. */
export const scaleBenchmark: Benchmark = {
  name: "scale",
  about:
    "real loads on 1 to 3 data nodes and 1 to 4 parsers, each on its share of CPU, beside what the simulator predicted",
  async run(args, context) {
    const options = readOptions(args);
    if (options.simulateOnly) {
      const rows = curve(DEFAULT_COSTS);
      return { result: { bench: "scale", rows: rows, goals: [] }, text: curveText(rows) };
    }
    const { config } = await loadConfig({ env: process.env });
    const place = join(config.stateDir, "bench");
    await mkdir(place, { recursive: true });
    const dir = await mkdtemp(join(place, "scale-"));
    // Elasticsearch's user passes through.
    await chmod(dir, 0o755);
    await mkdir(join(dir, "state"));
    await symlink(join(config.stateDir, "runtimes"), join(dir, "state", "runtimes"));
    try {
      return await measureAll(dir, place, options, context);
    } finally {
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};

async function measureAll(dir: string, place: string, options: ScaleOptions, { signal, say }: BenchContext) {
  say("what Redis takes for a heartbeat, a look, the list of nodes, a chunk");
  const redis = await startRedis(dir);
  const redisRows = await redisCosts(redis.client).finally(() => redis.stop());
  say(`making ${String(options.lines)} lines`);
  // Few hosts: files that are longer than a chunk.
  await writeSample({ month: MONTH, lines: options.lines, seed: 11, dir: join(dir, "archive"), hosts: 12, signal });
  const site = await makeScaleSite(dir, options);
  const setupFor = setupOfSite(site, options);
  try {
    const courses: object[] = [];
    const load = async (shape: Shape) => {
      say(`loading with ${shapeText(shape)}`);
      const loaded = await site.load(shape, signal);
      courses.push({ ...shape, ...loaded.measured, course: loaded.course });
      await writeFile(join(place, "scale-courses.json"), `${JSON.stringify(courses)}\n`);
      return loaded;
    };
    const first = await load(CALIBRATED);
    const files = filesOf(first.rows);
    const costs = calibrate(setupFor(CALIBRATED, files), first.measured, DEFAULT_COSTS);
    const shapes = [...PREDICTED, ...options.shapes, ...(options.quick ? [] : REST)].filter(
      (shape, i, all) =>
        all.findIndex((other) => shapeText(other) === shapeText(shape)) === i &&
        shapeText(shape) !== shapeText(CALIBRATED),
    );
    const predicted = new Map(
      [CALIBRATED, ...shapes].map((shape) => [shapeText(shape), forecast(setupFor(shape, files), costs)]),
    );
    const predictions = join(place, "scale-predictions.json");
    // Before any of the runs that it is about.
    await writeFile(
      predictions,
      `${JSON.stringify({ writtenAt: new Date().toISOString(), calibratedOn: { ...CALIBRATED, ...first.measured }, costs, predictions: [...predicted].map(([shape, { loadSeconds }]) => ({ shape, loadSeconds })) }, undefined, 2)}\n`,
    );
    say(`the predictions are in ${predictions}`);
    const rows: RunRow[] = [runRow(CALIBRATED, first, predicted.get(shapeText(CALIBRATED))!, "calibrated on")];
    for (const shape of shapes) {
      rows.push(runRow(shape, await load(shape), predicted.get(shapeText(shape))!, "predicted"));
    }
    const simulated = curve(perNode(costs));
    const errors = rows.filter(({ kind }) => kind === "predicted").map(({ error }) => Math.abs(error));
    const goals: Goal[] = [atMost("largest error of a predicted load", 0.25, Math.max(...errors))];
    return {
      result: { bench: "scale", rows: [...rows, ...simulated, ...redisRows] as readonly Row[], goals },
      text: `${runsText(rows, options, site.isLimited)}\n\n${curveText(simulated)}\n\n${redisText(redisRows)}`,
    };
  } finally {
    await site.down();
  }
}

function shapeText({ dataNodes, parsers, chunkBytes }: Shape): string {
  return `${String(dataNodes)} data nodes, ${String(parsers)} parsers, chunks of ${String(chunkBytes / KiB)} KiB`;
}

/** Files and how far their chunks run through the days, as the ledger of the first run has them. */
function filesOf(rows: readonly LedgerRow[]): Setup["files"] {
  const files = Map.groupBy(rows, (row) => row.fileId);
  return groupFiles(
    [...files.values()].map((chunks) => ({
      bytes: chunks.reduce((sum, row) => sum + row.counts.bytes, 0),
      packed: false,
      indicesPerChunk: chunks.reduce((sum, row) => sum + Object.keys(row.perIndex).length, 0) / chunks.length,
    })),
  );
}

/** A chunk touches one day, and the further ones in proportion to its bytes. */
function indicesOfChunk({ bytes, indicesPerChunk }: Setup["files"][number], chunkBytes: number): number {
  const measured = Math.min(bytes, CALIBRATED.chunkBytes);
  return 1 + (indicesPerChunk - 1) * (Math.min(bytes, chunkBytes) / measured);
}

/** Simulated as it is run: each node on its share of CPU, which it gets before others, or else all on one machine. */
function setupOfSite({ config, isLimited }: ScaleSite, options: ScaleOptions) {
  return (shape: Shape, files: Setup["files"]): Setup => {
    const setup = setupOf(
      {
        ...config,
        dataNodes: { ...config.dataNodes, count: shape.dataNodes, cpus: 2 },
        parsers: { ...config.parsers, count: shape.parsers, cpus: 2 },
        plan: { ...config.plan, chunkBytes: shape.chunkBytes },
      },
      files.map((group) => ({ ...group, indicesPerChunk: indicesOfChunk(group, shape.chunkBytes) })),
      { indices: indexCount([MONTH]), shardsPerIndex: 1 },
      isLimited ? undefined : 2,
    );
    if (!isLimited) return setup;
    return {
      ...setup,
      dataNodes: { ...setup.dataNodes, cores: options.dataNodeCores },
      parsers: { ...setup.parsers, cores: options.parserCores },
    };
  };
}

/** The same costs where each node has a machine of its own. */
function perNode(costs: Costs): Costs {
  return { ...costs, bootSeconds: DEFAULT_COSTS.bootSeconds, overheadCores: 0 };
}
