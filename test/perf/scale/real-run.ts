import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { stringify } from "yaml";
import { isFinal } from "../../../orchestrator/campaign.ts";
import { writeFile } from "node:fs/promises";
import type { Config } from "../../../orchestrator/config-schema.ts";
import { loadConfig } from "../../../orchestrator/config.ts";
import { CommandLine } from "../../../orchestrator/demo/command-line.ts";
import { statePaths } from "../../../orchestrator/paths.ts";
import { readServices, redisOptions } from "../../../orchestrator/services/index.ts";
import type { Measured } from "../../../orchestrator/simulation/calibrate.ts";
import { createSpool } from "../../../orchestrator/spool.ts";
import { campaignStatus } from "../../../orchestrator/status.ts";
import { campaignKeys } from "../../../worker/contract/keys.ts";
import type { LedgerRow } from "../../../worker/contract/ledger.ts";
import { nodeRegistrationSchema, type NodeRegistration } from "../../../worker/contract/node.ts";
import { readBudgets, readFigures } from "../../../worker/contract/tuning.ts";
import { processTree, treeFigures } from "../../../worker/contract/process-tree.ts";
import { cpuShare, removeGroups, type ControlGroup } from "../../support/control-group.ts";
import type { ScaleOptions, Shape } from "./options.ts";
import { yardstickMillis } from "./yardstick.ts";

/** How far a load was at one of its seconds: what of it each role's CPU has gone to shows where the time goes. */
export interface CourseRow {
  readonly seconds: number;
  readonly chunks: number;
  /** Settled, as parsers told last. */
  readonly documents: number;
  readonly requests: number;
  readonly storeCpuSeconds: number;
  readonly parserCpuSeconds: number;
  /** What the tuner gave each parser; absent before it did. */
  readonly bulkBytes?: number;
  readonly requestsInFlight?: number;
  /** Of the machine, over a minute. */
  readonly loadAverage: number;
  /** What others make of the machine's speed. */
  readonly yardstickMillis: number;
}

/** A load that is over. */
export interface Loaded {
  readonly measured: Measured;
  readonly rows: readonly LedgerRow[];
  readonly course: readonly CourseRow[];
}

/** A site on which campaigns are loaded for their figures: nothing is saved, and each ends when its load is over. */
export interface ScaleSite {
  readonly config: Config;
  /** Whether nodes are really limited to their cores. */
  readonly isLimited: boolean;
  load(shape: Shape, signal: AbortSignal): Promise<Loaded>;
  down(): Promise<void>;
}

const GROUPS = "gridharvest-scale-";
const LOOK_MS = 100;
const LONGEST_MS = 900_000;

/** @param dir a directory of the benchmark's own that Elasticsearch's user can pass through, with `archive` and `state` in it */
export async function makeScaleSite(dir: string, options: ScaleOptions): Promise<ScaleSite> {
  const stateDir = join(dir, "state");
  const file = join(dir, "site.yaml");
  await writeFile(
    file,
    stringify({
      stateDir,
      archive: { root: join(dir, "archive") },
      batch: { poll: "1s", local: { slotsPerNode: 8 } },
      dataNodes: { heap: "512MiB", memory: "2GiB" },
      elasticsearch: { masterHeap: "384MiB" },
    }),
  );
  const { config } = await loadConfig({ file, env: {} });
  const line = new CommandLine(file, join(dir, "scale.log"));
  removeGroups(GROUPS);
  const probe = cpuShare(`${GROUPS}probe`, 1);
  probe?.remove();

  return {
    config,
    isLimited: probe !== undefined,
    async load(shape, signal) {
      const id = `scale-${randomBytes(3).toString("hex")}`;
      const groups: ControlGroup[] = [];
      let redis: Redis | undefined;
      try {
        const sets = [
          `dataNodes.count=${String(shape.dataNodes)}`,
          `parsers.count=${String(shape.parsers)}`,
          `plan.chunkBytes=${String(shape.chunkBytes)}`,
        ].flatMap((pair) => ["--set", pair]);
        await line.json(["launch", "--month", "2013-01", "--again", "all", "--name", id, "--detach", ...sets], signal);
        const services = await readServices(config, statePaths(stateDir));
        redis = new Redis(redisOptions(services.redis));
        const nodes = await allNodes(redis, id, shape, stateDir, signal);
        const nodePids = new Set<number>();
        for (const node of nodes) {
          const cores = node.role === "parser" ? options.parserCores : options.dataNodeCores;
          const group = cpuShare(`${GROUPS}${node.jobName}`, cores);
          if (!group) continue;
          groups.push(group);
          const pids = processTree(node.pid).map(({ pid }) => pid);
          group.add(pids);
          for (const pid of pids) nodePids.add(pid);
        }
        // What nodes wait for must not wait for other users of the machine either.
        const rest = cpuShare(`${GROUPS}rest`);
        if (rest) {
          groups.push(rest);
          rest.add(pidsNaming(dir).filter((pid) => pid !== process.pid && !nodePids.has(pid)));
        }
        return await measureLoad(redis, id, nodes, stateDir, signal);
      } finally {
        for (const group of groups) group.remove();
        redis?.disconnect();
        const never = new AbortController().signal;
        await line.call(["cancel", id], never);
        for (const end = Date.now() + 60_000; Date.now() < end; await sleep(LOOK_MS)) {
          if (isFinal((await campaignStatus(stateDir, id)).state)) break;
        }
        await line.call(["teardown", id], never);
      }
    },
    async down() {
      await line.call(["services", "down"], new AbortController().signal);
    },
  };
}

/** Processes whose command line names a directory: the campaign's orchestrator, gateway, master and services. */
function pidsNaming(dir: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(dir);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Waits until every node has registered. The load begins when the last data node has, and its indices are made. */
async function allNodes(
  redis: Redis,
  id: string,
  shape: Shape,
  stateDir: string,
  signal: AbortSignal,
): Promise<readonly NodeRegistration[]> {
  for (const end = Date.now() + LONGEST_MS; ; await sleep(LOOK_MS, undefined, { signal })) {
    const texts = Object.values(await redis.hgetall(campaignKeys(id).nodes));
    const nodes = texts.flatMap((text) => nodeRegistrationSchema.safeParse(JSON.parse(text)).data ?? []);
    if (nodes.length >= shape.dataNodes + shape.parsers) return nodes;
    const { state, reason } = await campaignStatus(stateDir, id);
    if (isFinal(state) || Date.now() > end)
      throw new Error(`the nodes of ${id} did not come up: ${state} ${reason ?? ""}`);
  }
}

async function measureLoad(
  redis: Redis,
  id: string,
  nodes: readonly NodeRegistration[],
  stateDir: string,
  signal: AbortSignal,
): Promise<Loaded> {
  const cpu = (role: NodeRegistration["role"]): number =>
    nodes.filter((node) => node.role === role).reduce((sum, { pid }) => sum + treeFigures(pid).cpuSeconds, 0);
  const keys = campaignKeys(id);
  const spool = createSpool(redis, keys);
  const course: CourseRow[] = [];
  try {
    let begin: { at: number; store: number; parser: number } | undefined;
    for (const end = Date.now() + LONGEST_MS; ; await sleep(LOOK_MS, undefined, { signal })) {
      const { parse } = await spool.counts();
      const total = parse.waiting + parse.active + parse.delayed + parse.completed;
      if (begin === undefined && parse.active > 0) {
        begin = { at: performance.now(), store: cpu("es-data"), parser: cpu("parser") };
      }
      const seconds = begin ? (performance.now() - begin.at) / 1000 : 0;
      if (begin && seconds >= course.length) {
        const figures = [...readFigures(await redis.hgetall(keys.figures)).values()];
        const budgets = readBudgets(await redis.hgetall(keys.tuning));
        course.push({
          seconds,
          chunks: parse.completed,
          documents: figures.reduce((sum, { documents }) => sum + documents, 0),
          requests: figures.reduce((sum, { requests }) => sum + requests, 0),
          storeCpuSeconds: cpu("es-data") - begin.store,
          parserCpuSeconds: cpu("parser") - begin.parser,
          ...budgets,
          loadAverage: loadavg()[0]!,
          yardstickMillis: yardstickMillis(),
        });
      }
      if (begin && parse.completed === total) {
        const measured = {
          loadSeconds: (performance.now() - begin.at) / 1000,
          store: cpu("es-data"),
          parser: cpu("parser"),
        };
        const rows: LedgerRow[] = [];
        for await (const row of spool.rows()) rows.push(row);
        const sum = (of: (row: LedgerRow) => number): number => rows.reduce((all, row) => all + of(row), 0);
        return {
          rows,
          course,
          measured: {
            loadSeconds: measured.loadSeconds,
            storeCpuSeconds: measured.store - begin.store,
            parserCpuSeconds: measured.parser - begin.parser,
            parseCpuSeconds: sum((row) => row.parseCpuMicros) / 1e6,
            lines: sum((row) => row.counts.read),
            documents: sum((row) => row.counts.written + row.counts.duplicate),
            bytes: sum((row) => row.counts.bytes),
            storeBytes: 0,
          },
        };
      }
      if (Date.now() > end || parse.failed > 0) {
        const { state, reason } = await campaignStatus(stateDir, id);
        throw new Error(`${id} did not load: ${state} ${reason ?? ""}, ${String(parse.failed)} chunks failed`);
      }
    }
  } finally {
    await spool.disconnect();
  }
}
