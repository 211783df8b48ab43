import { closeSync, openSync, writeSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { createGraphiteSender, createMeter } from "../../../monitoring/index.ts";
import { processChunk, type ChunkContext } from "../../../worker/chunk-job.ts";
import type { Chunk } from "../../../worker/contract/chunk.ts";
import type { Sink } from "../../../worker/contract/pipeline.ts";
// Not used: its modules are part of what a parser holds in memory.
import "../../../worker/parser-process.ts";
import { hashInThread } from "../../../worker/hash-in-thread.ts";
import { ParserLoad } from "../../../worker/parser-load.ts";
import { createPipelinePool } from "../../../worker/pipeline-pool.ts";
import { BENCH_RULES, serviceOf } from "./rules.ts";

/**
 * What a parser does with a file, in a process of its own: `chunks-process.ts THREADS CHUNK_BYTES BULK_BYTES IN_FLIGHT REJECTS_DIR THREAD_ENTRY`. Chunks of it are done
 * by the parser's own code, as many at once as there are threads; where documents would go to Elasticsearch they go to the output. The protocol
 * is that of `startServer`.
 */
const [threads, chunkBytes, bulkBytes, inFlight] = process.argv.slice(2, 6).map(Number) as [
  number,
  number,
  number,
  number,
];
const rejectsDir = process.argv[6]!;

const entry = process.argv[7]!;
const hash = await hashInThread(entry, BENCH_RULES);
const pool = createPipelinePool({ threads, entry, rules: BENCH_RULES });
// Nobody listens on the discard port: points are dropped, as by a parser whose carbon is away.
const sender = createGraphiteSender({ host: "127.0.0.1", port: 9 });
const meter = createMeter({
  prefix: "bench",
  campaign: "bench",
  role: "parser",
  host: "localhost",
  intervalSeconds: 10,
  sender,
});

for await (const request of createInterface({ input: process.stdin })) {
  const [file, output, month] = request.split("\t") as [string, string, string];
  const begin = performance.now();
  const before = process.cpuUsage();
  const lines = await parse(file, output, month);
  const cpu = process.cpuUsage(before);
  process.stdout.write(`${lines} ${cpu.user + cpu.system} ${Math.round((performance.now() - begin) * 1000)}\n`);
}
await pool.close();
await meter.close();
await sender.close();

async function parse(file: string, output: string, month: string): Promise<number> {
  const descriptor = openSync(output, "w");
  const context: ChunkContext = {
    pool,
    sink: writingSink(descriptor),
    rateLimit: {
      take: () => Promise.resolve(),
      limits: () => Promise.resolve({ eventsPerSecond: 0, bytesPerSecond: 0 }),
    },
    attempts: { begin: () => Promise.resolve("0000000000") },
    meter,
    worker: "bench",
    pipeline: hash,
    budgets: { bulkBytes, requestsInFlight: inFlight },
    load: new ParserLoad(threads),
    rejectsDir,
  };
  const { signal } = new AbortController();
  let lines = 0;
  const chunks = chunksOf(file, month, await stat(file));
  await Promise.all(
    Array.from({ length: threads }, async () => {
      for (const chunk of chunks) {
        const { counts } = await processChunk(chunk, 1, context, signal);
        lines += counts.read;
      }
    }),
  );
  closeSync(descriptor);
  return lines;
}

/** One iterator for all: each chunk goes to whoever is free. */
function* chunksOf(
  file: string,
  month: string,
  { size, mtimeMs }: { size: number; mtimeMs: number },
): Generator<Chunk> {
  for (let start = 0; start < size; start += chunkBytes) {
    yield {
      id: `0123456789ab-${start / chunkBytes}`,
      origin: {
        fileId: "0123456789ab",
        path: "hosts/all.log",
        month,
        firstDay: `${month}-01`,
        timeZone: "Europe/Prague",
        service: serviceOf("all"),
        index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
        dropPrograms: [],
      },
      range: { start, end: Math.min(size, start + chunkBytes) },
      format: "syslog",
      source: { kind: "plain", file, size, mtimeMs },
      pipeline: hash,
    };
  }
}

/** About what Elasticsearch needs for a bulk: as long are bodies held. */
const ANSWER_MS = 20;

/** Writes documents away, and answers late, so that as many bulk bodies are held as otherwise. */
function writingSink(descriptor: number): Sink {
  return {
    check: () => Promise.resolve(),
    async write({ body, count }) {
      for (let at = 0; at < body.length;) at += writeSync(descriptor, body, at);
      await delay(ANSWER_MS);
      return { written: count, duplicate: 0, exceptions: [] };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
