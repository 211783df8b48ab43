import { closeSync, ftruncateSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { configSchema } from "../../../orchestrator/config-schema.ts";
import { readPlan, writePlan } from "../../../orchestrator/plan-file.ts";
import { planMonth } from "../../../orchestrator/plan-month.ts";
import { orderedChunks, unpacksOf } from "../../../orchestrator/plan.ts";
import { keepHeapSmall } from "../../../orchestrator/small-heap.ts";
import { createSpool } from "../../../orchestrator/spool.ts";
import { campaignKeys } from "../../../worker/contract/keys.ts";
import { NO_RULES } from "../../../worker/contract/rules.ts";

/**
 * One stage of the benchmark, a process of its own, so that its memory is its own: `archive FILES CHUNKS DIR` makes an archive, `make DIR FILE` lists
 * it, plans and writes, `fill FILE PORT` reads the plan as an orchestrator does and fills the spool. It prints an
 * object of figures.
 */
const CHUNK_BYTES = 8 * 2 ** 20;

/** Plain files of hosts and days; the first of them hold the chunks, as holes that take no room. */
function archive(files: number, chunks: number, root: string): object {
  const loaded = Math.min(files, chunks);
  for (let n = 0; n < files; n++) {
    const day = String(1 + (n % 31)).padStart(2, "0");
    const host = Math.floor(n / 31);
    const dir = join(root, `2013/01/10.${String(host >> 16)}.${String((host >> 8) & 255)}.${String(host & 255)}`);
    if (n % 31 === 0) mkdirSync(dir, { recursive: true });
    const count = n < loaded ? Math.floor(chunks / loaded) + (n < chunks % loaded ? 1 : 0) : 0;
    const file = openSync(join(dir, `syslog-201301${day}.log`), "w");
    if (count > 0) ftruncateSync(file, count * CHUNK_BYTES);
    closeSync(file);
  }
  return {};
}

async function make(root: string, out: string): Promise<object> {
  const patterns = [{ path: "{year}/{month}/{host}/{service}-{year}{month}{day}.log", kind: "per-host" }];
  const config = configSchema.parse({ archive: { root, layout: { patterns } }, plan: { chunkBytes: CHUNK_BYTES } });
  keepHeapSmall();
  const { signal } = new AbortController();
  const begin = performance.now();
  const pipeline = { hash: "0123456789abcdef", rules: NO_RULES, fields: [] };
  const plan = await planMonth(config, ["2013-01"], { pipeline }, signal);
  const made = performance.now();
  await writePlan(out, plan);
  return { planSeconds: (made - begin) / 1000, writeSeconds: (performance.now() - made) / 1000 };
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

const STAGES: Readonly<Record<string, (args: readonly string[]) => Promise<object>>> = {
  archive: ([files = "", chunks = "", dir = ""]) => Promise.resolve(archive(Number(files), Number(chunks), dir)),
  make: ([root = "", out = ""]) => make(root, out),
  fill: ([file = "", port = ""]) => fill(file, Number(port)),
};
const [stage = "", ...args] = process.argv.slice(2);
const figures = await STAGES[stage]?.(args);
process.stdout.write(`${JSON.stringify({ ...figures, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
