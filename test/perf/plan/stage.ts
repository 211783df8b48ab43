import { Redis } from "ioredis";
import type { Inventory, InventoryFile } from "../../../orchestrator/inventory.ts";
import { resolveOverlap } from "../../../orchestrator/overlap.ts";
import { readPlan, writePlan } from "../../../orchestrator/plan-file.ts";
import { makePlan, orderedChunks, unpacksOf } from "../../../orchestrator/plan.ts";
import { createSpool } from "../../../orchestrator/spool.ts";
import { campaignKeys } from "../../../worker/contract/keys.ts";
import { NO_RULES } from "../../../worker/contract/rules.ts";

/**
 * One stage of the benchmark, a process of its own, so that its memory is its own: `make FILES CHUNKS FILE` plans and writes, `fill FILE PORT`
 * reads the plan as an orchestrator does and fills the spool. It prints an object of figures.
 */
const CHUNK_BYTES = 8 * 2 ** 20;

/** Plain files of hosts and days; the first of them hold the chunks. */
function* listing(files: number, chunks: number): Generator<InventoryFile> {
  const loaded = Math.min(files, chunks);
  for (let n = 0; n < files; n++) {
    const day = String(1 + (n % 31)).padStart(2, "0");
    const host = Math.floor(n / 31);
    const address = `10.${String(host >> 16)}.${String((host >> 8) & 255)}.${String(host & 255)}`;
    const path = `2013/01/${address}/syslog-201301${day}.log`;
    const count = n < loaded ? Math.floor(chunks / loaded) + (n < chunks % loaded ? 1 : 0) : 0;
    yield {
      path,
      identity: path,
      place: path,
      format: "plain",
      size: count * CHUNK_BYTES,
      mtimeMs: 1.36e12 + n,
      month: "2013-01",
      day: `2013-01-${day}`,
      service: "syslog",
      collector: address,
      kind: "per-host",
      dropPrograms: [],
    };
  }
}

async function make(files: number, chunks: number, out: string): Promise<object> {
  const list = [...listing(files, chunks)];
  const { groups, overlaps } = resolveOverlap(list, "both");
  const inventory: Inventory = {
    root: "/archive/hosts",
    months: ["2013-01"],
    files: list,
    archives: [],
    groups,
    overlaps,
    problems: [],
    notes: [],
    unmatched: [],
    empty: Math.max(0, files - chunks),
  };
  const begin = performance.now();
  const plan = makePlan(
    inventory,
    {
      pipeline: "0123456789abcdef",
      timeZone: "UTC",
      hostZones: [],
      indexPattern: "logs-{day}-m{month}-r{revision}",
      revision: 1,
      chunkBytes: CHUNK_BYTES,
      repeated: "count",
      ids: "derived",
    },
    { rules: NO_RULES, fields: [] },
  );
  const planned = performance.now();
  await writePlan(out, plan);
  return { planSeconds: (planned - begin) / 1000, writeSeconds: (performance.now() - planned) / 1000 };
}

async function fill(file: string, port: number): Promise<object> {
  const begin = performance.now();
  const plan = await readPlan(file);
  const read = performance.now();
  const redis = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null });
  const spool = createSpool(redis, campaignKeys("plan"));
  await spool.close();
  await spool.addUnpacks(unpacksOf(plan, { dir: "/staging", limitBytes: CHUNK_BYTES }));
  const chunks = await spool.addChunks(orderedChunks(plan));
  const fillSeconds = (performance.now() - read) / 1000;
  await spool.disconnect();
  redis.disconnect();
  return { readSeconds: (read - begin) / 1000, fillSeconds, chunks };
}

const [stage, first = "", second = "", third = ""] = process.argv.slice(2);
const figures = stage === "make" ? await make(Number(first), Number(second), third) : await fill(first, Number(second));
process.stdout.write(`${JSON.stringify({ ...figures, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
