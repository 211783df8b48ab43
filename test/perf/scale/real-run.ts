import { randomBytes } from "node:crypto";
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
import { processTree, treeFigures } from "../../../worker/contract/process-tree.ts";
import { cpuGroup, removeGroups, type ControlGroup } from "../../support/control-group.ts";
import type { ScaleOptions } from "./options.ts";

/** What one real campaign is made with. */
export interface Shape {
  readonly dataNodes: number;
  readonly parsers: number;
  readonly chunkBytes: number;
}

/** A site on which campaigns are loaded for their figures: nothing is saved, and each ends when its load is over. */
export interface ScaleSite {
  readonly config: Config;
  /** Whether nodes are really limited to their cores. */
  readonly isLimited: boolean;
  load(
    shape: Shape,
    signal: AbortSignal,
  ): Promise<{ readonly measured: Measured; readonly rows: readonly LedgerRow[] }>;
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
  const probe = cpuGroup(`${GROUPS}probe`, 1);
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
        for (const node of nodes) {
          const cores = node.role === "parser" ? options.parserCores : options.dataNodeCores;
          const group = cpuGroup(`${GROUPS}${node.jobName}`, cores);
          if (!group) continue;
          groups.push(group);
          group.add(processTree(node.pid).map(({ pid }) => pid));
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
): Promise<{ readonly measured: Measured; readonly rows: readonly LedgerRow[] }> {
  const cpu = (role: NodeRegistration["role"]): number =>
    nodes.filter((node) => node.role === role).reduce((sum, { pid }) => sum + treeFigures(pid).cpuSeconds, 0);
  const spool = createSpool(redis, campaignKeys(id));
  try {
    let begin: { at: number; store: number; parser: number } | undefined;
    for (const end = Date.now() + LONGEST_MS; ; await sleep(LOOK_MS, undefined, { signal })) {
      const { parse } = await spool.counts();
      const total = parse.waiting + parse.active + parse.delayed + parse.completed;
      if (begin === undefined && parse.active > 0) {
        begin = { at: performance.now(), store: cpu("es-data"), parser: cpu("parser") };
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
